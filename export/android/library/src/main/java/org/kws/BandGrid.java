package org.kws;

/** Which bands of the input each band of the output of a convolution sees. */
final class BandGrid {
    final int nBands;
    final int stride;
    final int padding;
    final int bandsOut;

    BandGrid(int nBands, int stride, int padding, int bandsOut) {
        this.nBands = nBands;
        this.stride = stride;
        this.padding = padding;
        this.bandsOut = bandsOut;
    }

    /** The band that the first tap meets; below 0 where it lies beyond the edge. */
    int first(int bandOut) {
        return bandOut * stride - padding;
    }
}
