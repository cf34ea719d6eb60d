package org.kws;

/** Convolution over bands and causally over time; weights (outputs, inputs / groups, band taps, taps). */
final class Conv2d extends Operation {
    private final History history;
    private final int nFeatures;
    private final int stride;
    private final float[] bias;
    private final float[] sums;
    /** With groups the one, without them the other. */
    private final GroupedKernel grouped;
    private final BandKernel bands;

    private Conv2d(Value source, Value target, History history, int stride, int groups, BandGrid grid, Tensor weight,
            Tensor bias) {
        super(target, history.stateSize());
        this.history = history;
        this.stride = stride;
        nFeatures = source.features;
        sums = new float[target.features];
        this.bias = new float[target.features];
        for (int i = 0; i < sums.length; i++) {
            this.bias[i] = bias.values[i / grid.bandsOut];
        }
        boolean isGrouped = groups > 1;
        grouped = isGrouped ? new GroupedKernel(weight.values, weight.shape, groups, grid, nFeatures) : null;
        bands = isGrouped ? null : new BandKernel(weight.values, weight.shape, grid);
    }

    static Conv2d of(Value source, int[] settings, Tensor weight, Tensor bias, Budget budget)
            throws ModelFileException {
        weight.requireAxes("the weight of a convolution", 4);
        int nOutputs = weight.shape[0];
        int nBands = settings[0];
        int bandStride = settings[1];
        int padding = settings[2];
        int stride = settings[3];
        int groups = settings[4];
        require(nBands >= 1 && bandStride >= 1 && stride >= 1 && groups >= 1, "has bands, a stride or groups of 0");
        require(source.features % nBands == 0, "has " + nBands + " bands for " + source.features + " features");
        require(nOutputs % groups == 0 && (long) weight.shape[1] * groups == source.features / nBands,
                "has weights that do not fit its input");
        require(source.frames % stride == 0, "has a stride of " + stride + " for " + source.frames + " frames");
        bias.require("the bias of a convolution", nOutputs);
        int spare = nBands + 2 * padding - weight.shape[2];
        require(spare >= 0, "has a kernel over more bands than there are");
        BandGrid grid = new BandGrid(nBands, bandStride, padding, spare / bandStride + 1);
        History history = new History(source, (long) weight.shape[3] - stride, budget);
        int steps = source.frames / stride;
        long features = (long) nOutputs * grid.bandsOut;
        Value target = Value.of(steps, features, steps * features * (weight.values.length / nOutputs), budget);
        budget.take(groups > 1
                ? GroupedKernel.tableSize(weight.shape, features)
                : BandKernel.tableSize(weight.shape, grid), 0);
        return new Conv2d(source, target, history, stride, groups, grid, weight, bias);
    }

    @Override
    void run() {
        history.take();
        for (int step = 0; step < target.frames; step++) {
            int from = step * stride * nFeatures;
            System.arraycopy(bias, 0, sums, 0, sums.length);
            if (grouped != null) {
                grouped.run(history.data, from, sums);
            } else {
                bands.run(history.data, from, nFeatures, sums);
            }
            System.arraycopy(sums, 0, target.data, step * sums.length, sums.length);
        }
        history.keep();
    }

    @Override
    void reset() {
        history.reset();
    }
}
