package org.kws;

/** The operations that look at one frame only. */
final class Pointwise {
    static final int RELU = 1;
    static final int SIGMOID = 2;

    private Pointwise() {}

    /** {@code y = W x + b}; weights (outputs, inputs). */
    static Operation dense(final Value source, Tensor weight, final Tensor bias, Budget budget)
            throws ModelFileException {
        weight.requireAxes("the weight of a dense layer", 2);
        int nOutputs = weight.shape[0];
        weight.require("the weight of a dense layer", nOutputs, source.features);
        bias.require("the bias of a dense layer", nOutputs);
        long macs = (long) source.frames * weight.values.length;
        budget.takeRows(source.features);
        final float[][] rows = Gru.columns(weight);
        final float[] sums = new float[nOutputs];
        return new Operation(Value.of(source.frames, nOutputs, macs, budget), 0) {
            @Override
            void run() {
                for (int frame = 0; frame < source.frames; frame++) {
                    System.arraycopy(bias.values, 0, sums, 0, sums.length);
                    Kernels.addRows(rows, 0, source.data, frame * source.features, source.features, sums, sums.length);
                    System.arraycopy(sums, 0, target.data, frame * sums.length, sums.length);
                }
            }
        };
    }

    /** {@code y = w x + b}, one of each a feature. */
    static Operation affine(final Value source, final Tensor weight, final Tensor bias, Budget budget)
            throws ModelFileException {
        weight.require("the weight of an affine operation", source.features);
        bias.require("the bias of an affine operation", source.features);
        return new Operation(Value.of(source.frames, source.features, 0, budget), 0) {
            @Override
            void run() {
                float[] w = weight.values;
                float[] b = bias.values;
                for (int at = 0; at < target.data.length; at += w.length) {
                    for (int i = 0; i < w.length; i++) {
                        target.data[at + i] = w[i] * source.data[at + i] + b[i];
                    }
                }
            }
        };
    }

    /** The mean of the bands of each channel. */
    static Operation meanOverBands(final Value source, final int nBands, Budget budget) throws ModelFileException {
        Operation.require(nBands >= 1 && source.features % nBands == 0,
                "has " + nBands + " bands for " + source.features + " features");
        return new Operation(Value.of(source.frames, source.features / nBands, 0, budget), 0) {
            @Override
            void run() {
                for (int i = 0; i < target.data.length; i++) {
                    float sum = 0f;
                    for (int band = 0; band < nBands; band++) {
                        sum += source.data[i * nBands + band];
                    }
                    target.data[i] = sum / nBands;
                }
            }
        };
    }

    static Operation activation(final Value source, int kind, Budget budget) throws ModelFileException {
        Operation.require(kind == RELU || kind == SIGMOID, "is the unknown activation " + kind);
        Value target = Value.of(source.frames, source.features, 0, budget);
        if (kind == RELU) {
            return new Operation(target, 0) {
                @Override
                void run() {
                    float[] from = source.data;
                    float[] to = this.target.data;
                    for (int i = 0; i < to.length; i++) {
                        to[i] = Math.max(0f, from[i]);
                    }
                }
            };
        }
        return new Operation(target, 0) {
            @Override
            void run() {
                // Few values, and they are the scores: exact.
                for (int i = 0; i < target.data.length; i++) {
                    target.data[i] = (float) (0.5 + 0.5 * Math.tanh(0.5 * source.data[i]));
                }
            }
        };
    }

    static Operation add(final Value left, final Value right, Budget budget) throws ModelFileException {
        Operation.require(left.frames == right.frames && left.features == right.features, "adds unlike values");
        return new Operation(Value.of(left.frames, left.features, 0, budget), 0) {
            @Override
            void run() {
                float[] first = left.data;
                float[] second = right.data;
                float[] to = target.data;
                for (int i = 0; i < to.length; i++) {
                    to[i] = first[i] + second[i];
                }
            }
        };
    }

    /** Adds each feature of {@code right} to all bands of its channel. */
    static Operation addToBands(final Value left, final Value right, final int nBands, Budget budget)
            throws ModelFileException {
        Operation.require(
                nBands >= 1 && left.frames == right.frames && left.features == (long) right.features * nBands,
                "adds unlike values");
        return new Operation(Value.of(left.frames, left.features, 0, budget), 0) {
            @Override
            void run() {
                for (int i = 0; i < right.data.length; i++) {
                    float term = right.data[i];
                    for (int at = i * nBands; at < (i + 1) * nBands; at++) {
                        target.data[at] = left.data[at] + term;
                    }
                }
            }
        };
    }
}
