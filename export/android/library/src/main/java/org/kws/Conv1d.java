package org.kws;

/** Causal convolution over time; weights (outputs, inputs / groups, taps). */
final class Conv1d extends Operation {
    private final History history;
    private final int nInputs;
    private final int taps;
    private final int stride;
    private final int dilation;
    private final float[] bias;
    private final float[] sums;
    /** With groups the one; without them the other, a row for each tap and input. */
    private final GroupedKernel grouped;
    private final float[][] rows;

    private Conv1d(Value source, Value target, History history, int[] settings, Tensor weight, Tensor bias) {
        super(target, history.stateSize());
        this.history = history;
        nInputs = source.features;
        taps = weight.shape[2];
        stride = settings[0];
        dilation = settings[1];
        int groups = settings[2];
        this.bias = bias.values;
        sums = new float[target.features];
        grouped = groups > 1
                ? new GroupedKernel(weight.values, sizes(weight), groups, new BandGrid(1, 1, 0, 1), dilation * nInputs)
                : null;
        rows = groups > 1 ? null : rows(weight.values);
    }

    static Conv1d of(Value source, int[] settings, Tensor weight, Tensor bias, Budget budget)
            throws ModelFileException {
        weight.requireAxes("the weight of a convolution", 3);
        int nOutputs = weight.shape[0];
        int stride = settings[0];
        int dilation = settings[1];
        int groups = settings[2];
        require(stride >= 1 && dilation >= 1 && groups >= 1, "has a stride, dilation or groups of 0");
        require(nOutputs % groups == 0 && (long) weight.shape[1] * groups == source.features,
                "has weights that do not fit " + source.features + " features in " + groups + " groups");
        require(source.frames % stride == 0, "has a stride of " + stride + " for " + source.frames + " frames");
        bias.require("the bias of a convolution", nOutputs);
        long context = (long) dilation * (weight.shape[2] - 1) - (stride - 1);
        History history = new History(source, context, budget);
        int steps = source.frames / stride;
        Value target = Value.of(steps, nOutputs, (long) steps * weight.values.length, budget);
        budget.take(groups > 1
                ? GroupedKernel.tableSize(sizes(weight), nOutputs)
                : (long) source.features * weight.shape[2], 0);
        return new Conv1d(source, target, history, settings, weight, bias);
    }

    /** The sizes of a kernel over one band. */
    private static int[] sizes(Tensor weight) {
        return new int[] {weight.shape[0], weight.shape[1], 1, weight.shape[2]};
    }

    private float[][] rows(float[] weight) {
        float[][] found = new float[taps * nInputs][sums.length];
        for (int output = 0; output < sums.length; output++) {
            for (int input = 0; input < nInputs; input++) {
                for (int tap = 0; tap < taps; tap++) {
                    found[tap * nInputs + input][output] = weight[(output * nInputs + input) * taps + tap];
                }
            }
        }
        return found;
    }

    @Override
    void run() {
        history.take();
        for (int step = 0; step < target.frames; step++) {
            int from = step * stride * nInputs;
            System.arraycopy(bias, 0, sums, 0, sums.length);
            if (grouped != null) {
                grouped.run(history.data, from, sums);
            } else if (dilation == 1) {
                // The taps' frames lie side by side.
                Kernels.addRows(rows, 0, history.data, from, rows.length, sums, sums.length);
            } else {
                for (int tap = 0; tap < taps; tap++) {
                    int at = from + tap * dilation * nInputs;
                    Kernels.addRows(rows, tap * nInputs, history.data, at, nInputs, sums, sums.length);
                }
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
