package org.kws;

import java.util.Arrays;

/**
 * A convolution over bands and time without groups, as the sum of what each input band gives to the output bands that
 * it reaches.
 *
 * <p>These stand side by side if outputs are ordered by band and then by channel, so that what one number of the input
 * adds is one row of all their channels: a loop long enough for vector instructions. Which taps an input band meets
 * depends only on its place between two strides, its phase. Output bands beyond either edge are computed as well and
 * left out at the end.
 */
final class BandKernel {
    private final BandGrid grid;
    private final int nOutputs;
    private final int nInputs;
    private final int bandTaps;
    private final int taps;
    private final int[] counts;
    private final float[][][] rows;
    private final float[] gathered;
    private final float[] reached;
    private final float[] sums;
    private final int lowest;

    /**
     * Takes the weights apart.
     *
     * @param sizes outputs, inputs, band taps, taps
     */
    BandKernel(float[] weight, int[] sizes, BandGrid grid) {
        this.grid = grid;
        nOutputs = sizes[0];
        nInputs = sizes[1];
        bandTaps = sizes[2];
        taps = sizes[3];
        counts = new int[grid.stride];
        rows = new float[grid.stride][][];
        int low = 0;
        int high = grid.bandsOut - 1;
        for (int band = 0; band < grid.nBands; band++) {
            int phase = (band + grid.padding) % grid.stride;
            if (rows[phase] == null) {
                counts[phase] = phase < bandTaps ? (bandTaps - 1 - phase) / grid.stride + 1 : 0;
                rows[phase] = rows(phase, weight);
            }
            int last = (band + grid.padding) / grid.stride;
            high = Math.max(high, last);
            low = Math.min(low, last - counts[phase] + 1);
        }
        lowest = low;
        sums = new float[(high - low + 1) * nOutputs];
        reached = new float[((bandTaps - 1) / grid.stride + 1) * nOutputs];
        gathered = new float[nInputs * taps];
    }

    /** Numbers that the tables of such a kernel hold besides its weights. */
    static long tableSize(int[] sizes, BandGrid grid) {
        long reached = ((long) sizes[2] / grid.stride + 1) * sizes[0];
        long rows = (long) Math.min(grid.stride, grid.nBands) * sizes[1] * sizes[3];
        return rows + 2L * grid.stride + 3 * reached + (long) sizes[0] * grid.bandsOut + (long) sizes[1] * sizes[3];
    }

    private float[][] rows(int phase, float[] weight) {
        int count = counts[phase];
        float[][] found = new float[count > 0 ? nInputs * taps : 0][count * nOutputs];
        for (int i = 0; i < found.length; i++) {
            for (int j = 0; j < count; j++) {
                int bandTap = phase + (count - 1 - j) * grid.stride;
                for (int output = 0; output < nOutputs; output++) {
                    int at = ((output * nInputs + i / taps) * bandTaps + bandTap) * taps + i % taps;
                    found[i][j * nOutputs + output] = weight[at];
                }
            }
        }
        return found;
    }

    /**
     * Computes the outputs of one step.
     *
     * @param from where its oldest frame begins
     * @param tapFeatures numbers from one tap's frame to the next one's
     * @param out starts as the bias; the outputs are added
     */
    void run(float[] frames, int from, int tapFeatures, float[] out) {
        Arrays.fill(sums, 0f);
        for (int band = 0; band < grid.nBands; band++) {
            int phase = (band + grid.padding) % grid.stride;
            if (counts[phase] > 0) {
                gather(frames, from + band, tapFeatures);
                int first = ((band + grid.padding) / grid.stride - counts[phase] + 1 - lowest) * nOutputs;
                int length = counts[phase] * nOutputs;
                System.arraycopy(sums, first, reached, 0, length);
                Kernels.addRows(rows[phase], 0, gathered, 0, gathered.length, reached, length);
                System.arraycopy(reached, 0, sums, first, length);
            }
        }
        for (int output = 0; output < nOutputs; output++) {
            for (int band = 0; band < grid.bandsOut; band++) {
                out[output * grid.bandsOut + band] += sums[(band - lowest) * nOutputs + output];
            }
        }
    }

    private void gather(float[] frames, int at, int tapFeatures) {
        int to = 0;
        for (int input = 0; input < nInputs; input++) {
            for (int tap = 0; tap < taps; tap++) {
                gathered[to++] = frames[at + tap * tapFeatures + input * grid.nBands];
            }
        }
    }
}
