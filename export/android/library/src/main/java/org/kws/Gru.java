package org.kws;

import java.util.Arrays;

/** One GRU layer in PyTorch's formula; gates in the order reset, update, new. */
final class Gru extends Operation {
    private final Value source;
    private final int nHidden;
    private final float[][] inputRows;
    private final float[][] hiddenRows;
    private final float[] inputBias;
    private final float[] hiddenBias;
    private final float[] fromInput;
    private final float[] fromHidden;
    private final float[] hidden;
    private final float[] gates;
    private final float[] candidate;

    private Gru(Value source, Value target, Tensor inputWeight, Tensor hiddenWeight, Tensor inputBias,
            Tensor hiddenBias) {
        super(target, target.features);
        this.source = source;
        nHidden = target.features;
        inputRows = columns(inputWeight);
        hiddenRows = columns(hiddenWeight);
        this.inputBias = inputBias.values;
        this.hiddenBias = hiddenBias.values;
        fromInput = new float[3 * nHidden];
        fromHidden = new float[3 * nHidden];
        hidden = new float[nHidden];
        gates = new float[2 * nHidden];
        candidate = new float[nHidden];
    }

    static Gru of(Value source, Tensor inputWeight, Tensor hiddenWeight, Tensor inputBias, Tensor hiddenBias,
            Budget budget) throws ModelFileException {
        hiddenWeight.requireAxes("the hidden weight of a GRU", 2);
        int nHidden = hiddenWeight.shape[1];
        hiddenWeight.require("the hidden weight of a GRU", 3 * nHidden, nHidden);
        inputWeight.require("the input weight of a GRU", 3 * nHidden, source.features);
        inputBias.require("the input bias of a GRU", 3 * nHidden);
        hiddenBias.require("the hidden bias of a GRU", 3 * nHidden);
        budget.take(nHidden, 0);
        budget.takeRows((long) source.features + nHidden);
        long macs = (long) source.frames * (inputWeight.values.length + hiddenWeight.values.length);
        Value target = Value.of(source.frames, nHidden, macs, budget);
        return new Gru(source, target, inputWeight, hiddenWeight, inputBias, hiddenBias);
    }

    /** The columns of a matrix as arrays of their own. */
    static float[][] columns(Tensor matrix) {
        int nRows = matrix.shape[0];
        int nColumns = matrix.shape[1];
        float[][] found = new float[nColumns][nRows];
        for (int row = 0; row < nRows; row++) {
            for (int column = 0; column < nColumns; column++) {
                found[column][row] = matrix.values[row * nColumns + column];
            }
        }
        return found;
    }

    @Override
    void run() {
        for (int frame = 0; frame < source.frames; frame++) {
            System.arraycopy(inputBias, 0, fromInput, 0, fromInput.length);
            System.arraycopy(hiddenBias, 0, fromHidden, 0, fromHidden.length);
            int at = frame * source.features;
            Kernels.addRows(inputRows, 0, source.data, at, source.features, fromInput, fromInput.length);
            Kernels.addRows(hiddenRows, 0, hidden, 0, nHidden, fromHidden, fromHidden.length);
            step();
            System.arraycopy(hidden, 0, target.data, frame * nHidden, nHidden);
        }
    }

    private void step() {
        // A sigmoid is 0.5 + 0.5 tanh(x / 2).
        for (int i = 0; i < gates.length; i++) {
            gates[i] = 0.5f * (fromInput[i] + fromHidden[i]);
        }
        Kernels.tanh(gates, gates.length);
        for (int i = 0; i < nHidden; i++) {
            float reset = 0.5f + 0.5f * gates[i];
            candidate[i] = fromInput[2 * nHidden + i] + reset * fromHidden[2 * nHidden + i];
        }
        Kernels.tanh(candidate, nHidden);
        for (int i = 0; i < nHidden; i++) {
            float update = 0.5f + 0.5f * gates[nHidden + i];
            hidden[i] = (1f - update) * candidate[i] + update * hidden[i];
        }
    }

    @Override
    void reset() {
        Arrays.fill(hidden, 0f);
    }
}
