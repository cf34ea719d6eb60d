package org.kws;

import java.io.InputStream;
import java.util.Arrays;

/** A model file as something that runs: front-end and operations of one step, with their states. */
final class Model {
    private static final int MAX_OPERATIONS = 10_000;
    private static final int SETTINGS_OF_CONV1D = 3;
    private static final int SETTINGS_OF_CONV2D = 5;

    final Spec spec;
    final FrontEnd frontEnd;
    private final Value features;
    private final Operation[] operations;
    private final float[] scores;

    /** Reads a {@code .kws} file; docs/model-format.md is its specification. */
    Model(InputStream stream) throws ModelFileException {
        Input input = Input.read(stream);
        int specBytes = input.integer("a spec of", Json.MAX_CHARS);
        int nOperations = input.integer("operations", MAX_OPERATIONS);
        int target = input.integer("an output", nOperations);
        input.integer("a reserved number", Integer.MAX_VALUE);
        spec = new Spec(input.text(specBytes));
        Budget budget = new Budget();
        features = Value.of(spec.stepFrames, spec.frontEnd.bands, 0, budget);
        frontEnd = readFrontEnd(input, spec);
        Value[] values = new Value[nOperations + 1];
        values[0] = features;
        operations = new Operation[nOperations];
        for (int i = 0; i < nOperations; i++) {
            operations[i] = readOperation(input, values, i + 1, budget);
            values[i + 1] = operations[i].target;
        }
        if (input.left() > 0) {
            throw new ModelFileException(input.left() + " bytes are left after the last operation");
        }
        Value output = values[target];
        if (output.frames != 1 || output.features != spec.keywords.size()) {
            throw new ModelFileException("the output of the model is not one score a keyword");
        }
        scores = output.data;
        checkStates();
        tryOneStep();
    }

    /** Computes the features of a full step and its scores, one a keyword; the array is used again. */
    float[] step() {
        frontEnd.frames(features.data);
        return run();
    }

    /** Computes the scores of the features of one step. */
    float[] step(float[] frames) {
        System.arraycopy(frames, 0, features.data, 0, features.data.length);
        return run();
    }

    private float[] run() {
        for (Operation operation : operations) {
            operation.run();
        }
        return scores;
    }

    /** Forgets all audio. */
    void reset() {
        frontEnd.reset();
        for (Operation operation : operations) {
            operation.reset();
        }
    }

    private static FrontEnd readFrontEnd(Input input, Spec spec) throws ModelFileException {
        Spec.FrontEndSettings settings = spec.frontEnd;
        float[] window = input.tensor().require("the window", settings.windowSamples).values;
        int[] firstBins = new int[settings.bands];
        int[] starts = new int[settings.bands + 1];
        for (int band = 0; band < settings.bands; band++) {
            firstBins[band] = input.unsignedShort();
            int count = input.unsignedShort();
            if (firstBins[band] + count > settings.fftSize / 2 + 1) {
                throw new ModelFileException("a band of the front-end lies outside the spectrum");
            }
            starts[band + 1] = starts[band] + count;
        }
        float[] weights = input.tensor().require("the bands", starts[settings.bands]).values;
        FrontEnd.Pcen pcen = null;
        if (settings.isPcen) {
            float[][] found = new float[4][];
            for (int i = 0; i < found.length; i++) {
                found[i] = input.tensor().require("a parameter of PCEN", settings.bands).values;
            }
            pcen = new FrontEnd.Pcen(found[0], found[1], found[2], found[3]);
        }
        return new FrontEnd(spec, window, firstBins, starts, weights, pcen);
    }

    private static Operation readOperation(Input input, Value[] values, int index, Budget budget)
            throws ModelFileException {
        int kind = input.integer("an operation of the kind", Input.MAX_AXIS);
        Value source = values[input.integer("a value", index - 1)];
        switch (kind) {
            case 1:
                return Conv1d.of(source, settings(input, SETTINGS_OF_CONV1D), input.tensor(), input.tensor(), budget);
            case 2:
                return Conv2d.of(source, settings(input, SETTINGS_OF_CONV2D), input.tensor(), input.tensor(), budget);
            case 3:
                return Pointwise.affine(source, input.tensor(), input.tensor(), budget);
            case 4:
                return Pointwise.meanOverBands(source, settings(input, 1)[0], budget);
            case 5:
                return Pointwise.dense(source, input.tensor(), input.tensor(), budget);
            case 6:
                return Gru.of(source, input.tensor(), input.tensor(), input.tensor(), input.tensor(), budget);
            case 7:
                return Pointwise.activation(source, settings(input, 1)[0], budget);
            case 8:
                return Pointwise.add(source, values[input.integer("a value", index - 1)], budget);
            case 9:
                Value right = values[input.integer("a value", index - 1)];
                return Pointwise.addToBands(source, right, settings(input, 1)[0], budget);
            default:
                throw new ModelFileException("an operation is of the unknown kind " + kind);
        }
    }

    private static int[] settings(Input input, int count) throws ModelFileException {
        int[] found = new int[count];
        for (int i = 0; i < count; i++) {
            found[i] = input.integer("a setting", Input.MAX_AXIS);
        }
        return found;
    }

    private void checkStates() throws ModelFileException {
        long[] sizes = new long[operations.length];
        int count = 0;
        for (Operation operation : operations) {
            if (operation.stateSize > 0) {
                sizes[count++] = operation.stateSize;
            }
        }
        if (!Arrays.equals(Arrays.copyOf(sizes, count), spec.stateSizes)) {
            throw new ModelFileException("the states of the operations are not those of the spec");
        }
    }

    private void tryOneStep() throws ModelFileException {
        for (float score : run()) {
            if (!(score >= 0f && score <= 1f)) {
                throw new ModelFileException("the model gives scores outside 0 to 1");
            }
        }
        reset();
    }
}
