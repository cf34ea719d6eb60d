package org.kws;

/** Convolution over bands and causally over time; weights (outputs, inputs / groups, band taps, taps). */
final class Conv2d extends Operation {
    private final History history;
    private final int nFeatures;
    private final int nBands;
    private final int bandStride;
    private final int padding;
    private final int stride;
    private final int groups;
    private final int nOutputs;
    private final int groupInputs;
    private final int bandTaps;
    private final int taps;
    private final int bandsOut;
    private final float[] weight;
    private final float[] bias;
    private final Bands bands;

    private Conv2d(Value source, Value target, History history, int[] settings, Tensor weight, Tensor bias) {
        super(target, history.stateSize());
        this.history = history;
        nFeatures = source.features;
        nBands = settings[0];
        bandStride = settings[1];
        padding = settings[2];
        stride = settings[3];
        groups = settings[4];
        nOutputs = weight.shape[0];
        groupInputs = weight.shape[1];
        bandTaps = weight.shape[2];
        taps = weight.shape[3];
        bandsOut = target.features / nOutputs;
        this.bias = bias.values;
        bands = groups == 1 ? new Bands(weight.values) : null;
        this.weight = groups == 1 ? null : weight.values;
    }

    static Conv2d of(Value source, int[] settings, Tensor weight, Tensor bias, Budget budget)
            throws ModelFileException {
        weight.requireAxes("the weight of a convolution", 4);
        int nOutputs = weight.shape[0];
        int nBands = settings[0];
        int bandStride = settings[1];
        int stride = settings[3];
        int groups = settings[4];
        require(nBands >= 1 && bandStride >= 1 && stride >= 1 && groups >= 1, "has bands, a stride or groups of 0");
        require(source.features % nBands == 0, "has " + nBands + " bands for " + source.features + " features");
        require(nOutputs % groups == 0 && (long) weight.shape[1] * groups == source.features / nBands,
                "has weights that do not fit its input");
        require(source.frames % stride == 0, "has a stride of " + stride + " for " + source.frames + " frames");
        bias.require("the bias of a convolution", nOutputs);
        int spare = nBands + 2 * settings[2] - weight.shape[2];
        require(spare >= 0, "has a kernel over more bands than there are");
        History history = new History(source, (long) weight.shape[3] - stride, budget);
        int steps = source.frames / stride;
        long features = (long) nOutputs * (spare / bandStride + 1);
        long macs = steps * features * (weight.values.length / nOutputs);
        Value target = Value.of(steps, features, macs, budget);
        if (groups == 1) {
            // The tables of the bands below.
            budget.takeRows((long) Math.min(bandStride, nBands) * weight.shape[1] * weight.shape[3]);
            budget.take(nBands + features + 2L * (weight.shape[2] / bandStride + 1) * nOutputs, 0);
        }
        return new Conv2d(source, target, history, settings, weight, bias);
    }

    @Override
    void run() {
        history.take();
        for (int step = 0; step < target.frames; step++) {
            int from = step * stride * nFeatures;
            int to = step * target.features;
            if (bands != null) {
                bands.run(from, to);
            } else {
                convolveGroups(from, to);
            }
        }
        history.keep();
    }

    private void convolveGroups(int from, int to) {
        int outputs = nOutputs / groups;
        for (int output = 0; output < nOutputs; output++) {
            int first = from + output / outputs * groupInputs * nBands;
            for (int band = 0; band < bandsOut; band++) {
                target.data[to + output * bandsOut + band] = bias[output] + sum(output, first, band);
            }
        }
    }

    private float sum(int output, int first, int bandOut) {
        float sum = 0f;
        int low = bandOut * bandStride - padding;
        for (int input = 0; input < groupInputs; input++) {
            for (int bandTap = Math.max(0, -low); bandTap < bandTaps && low + bandTap < nBands; bandTap++) {
                int at = first + input * nBands + low + bandTap;
                int row = ((output * groupInputs + input) * bandTaps + bandTap) * taps;
                for (int tap = 0; tap < taps; tap++) {
                    sum += weight[row + tap] * history.data[at + tap * nFeatures];
                }
            }
        }
        return sum;
    }

    @Override
    void reset() {
        history.reset();
    }

    /**
     * The convolution without groups, as the sum of what each input band gives to the output bands that it reaches.
     *
     * <p>These stand side by side if outputs are ordered by band and then by channel, so that what one number of the
     * input adds is one row of all their channels: a loop long enough for vector instructions. Which taps an input
     * band meets depends only on its place between two strides, its phase. Output bands beyond either edge are computed
     * as well and left out at the end.
     */
    private final class Bands {
        private final int[] counts = new int[Math.min(bandStride, nBands + padding)];
        private final float[][][] rows = new float[counts.length][][];
        private final float[] gathered = new float[groupInputs * taps];
        private final float[] sums;
        private final int lowest;

        Bands(float[] weight) {
            int low = 0;
            int high = bandsOut - 1;
            for (int band = 0; band < nBands; band++) {
                int phase = (band + padding) % bandStride;
                if (rows[phase] == null) {
                    counts[phase] = phase < bandTaps ? (bandTaps - 1 - phase) / bandStride + 1 : 0;
                    rows[phase] = rows(phase, weight);
                }
                int last = (band + padding) / bandStride;
                high = Math.max(high, last);
                low = Math.min(low, last - counts[phase] + 1);
            }
            lowest = low;
            sums = new float[(high - low + 1) * nOutputs];
        }

        private float[][] rows(int phase, float[] weight) {
            int count = counts[phase];
            float[][] found = new float[count > 0 ? groupInputs * taps : 0][count * nOutputs];
            for (int i = 0; i < found.length; i++) {
                for (int j = 0; j < count; j++) {
                    int bandTap = phase + (count - 1 - j) * bandStride;
                    for (int output = 0; output < nOutputs; output++) {
                        int at = ((output * groupInputs + i / taps) * bandTaps + bandTap) * taps + i % taps;
                        found[i][j * nOutputs + output] = weight[at];
                    }
                }
            }
            return found;
        }

        void run(int from, int to) {
            java.util.Arrays.fill(sums, 0f);
            for (int band = 0; band < nBands; band++) {
                int phase = (band + padding) % bandStride;
                int count = counts[phase];
                if (count > 0) {
                    gather(from + band);
                    int first = (band + padding) / bandStride - count + 1 - lowest;
                    Kernels.addRows(rows[phase], 0, gathered, 0, gathered.length, sums, first * nOutputs,
                            count * nOutputs);
                }
            }
            scatter(to);
        }

        private void gather(int at) {
            for (int input = 0; input < groupInputs; input++) {
                for (int tap = 0; tap < taps; tap++) {
                    gathered[input * taps + tap] = history.data[at + tap * nFeatures + input * nBands];
                }
            }
        }

        private void scatter(int to) {
            for (int output = 0; output < nOutputs; output++) {
                for (int band = 0; band < bandsOut; band++) {
                    target.data[to + output * bandsOut + band] =
                            sums[(band - lowest) * nOutputs + output] + bias[output];
                }
            }
        }
    }
}
