package org.kws;

/** Causal convolution over time; weights (outputs, inputs / groups, taps). */
final class Conv1d extends Operation {
    private final History history;
    private final int nInputs;
    private final int taps;
    private final int stride;
    private final int dilation;
    private final int groups;
    private final float[] bias;
    /** Without groups a row for each tap and input; with a group a channel one for each tap; else null. */
    private final float[][] rows;
    private final float[] weight;

    private Conv1d(Value source, Value target, History history, int[] settings, Tensor weight, Tensor bias) {
        super(target, history.stateSize());
        this.history = history;
        nInputs = source.features;
        taps = weight.shape[2];
        stride = settings[0];
        dilation = settings[1];
        groups = settings[2];
        this.bias = bias.values;
        boolean isByChannel = groups == nInputs && groups == target.features;
        rows = groups == 1 ? matrix(weight.values) : isByChannel ? byChannel(weight.values) : null;
        this.weight = rows == null ? weight.values : null;
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
        budget.takeRows((long) source.features * weight.shape[2]);
        Value target = Value.of(steps, nOutputs, (long) steps * weight.values.length, budget);
        return new Conv1d(source, target, history, settings, weight, bias);
    }

    private float[][] matrix(float[] weight) {
        int nOutputs = target.features;
        float[][] found = new float[taps * nInputs][nOutputs];
        for (int output = 0; output < nOutputs; output++) {
            for (int input = 0; input < nInputs; input++) {
                for (int tap = 0; tap < taps; tap++) {
                    found[tap * nInputs + input][output] = weight[(output * nInputs + input) * taps + tap];
                }
            }
        }
        return found;
    }

    private float[][] byChannel(float[] weight) {
        float[][] found = new float[taps][nInputs];
        for (int channel = 0; channel < nInputs; channel++) {
            for (int tap = 0; tap < taps; tap++) {
                found[tap][channel] = weight[channel * taps + tap];
            }
        }
        return found;
    }

    @Override
    void run() {
        history.take();
        start(target, bias);
        for (int step = 0; step < target.frames; step++) {
            int from = step * stride * nInputs;
            int to = step * target.features;
            if (rows == null) {
                convolveGroups(from, to);
            } else if (groups == 1 && dilation == 1) {
                // The taps' frames lie side by side.
                Kernels.addRows(rows, 0, history.data, from, rows.length, target.data, to, target.features);
            } else {
                convolveTaps(from, to);
            }
        }
        history.keep();
    }

    private void convolveTaps(int from, int to) {
        for (int tap = 0; tap < taps; tap++) {
            int at = from + tap * dilation * nInputs;
            if (groups == 1) {
                Kernels.addRows(rows, tap * nInputs, history.data, at, nInputs, target.data, to, target.features);
            } else {
                Kernels.addProducts(rows[tap], history.data, at, target.data, to);
            }
        }
    }

    private void convolveGroups(int from, int to) {
        int inputs = nInputs / groups;
        int outputs = target.features / groups;
        for (int output = 0; output < target.features; output++) {
            int first = from + output / outputs * inputs;
            float sum = 0f;
            for (int input = 0; input < inputs; input++) {
                for (int tap = 0; tap < taps; tap++) {
                    sum += weight[(output * inputs + input) * taps + tap]
                            * history.data[first + tap * dilation * nInputs + input];
                }
            }
            target.data[to + output] += sum;
        }
    }

    @Override
    void reset() {
        history.reset();
    }
}
