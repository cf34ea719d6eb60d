package org.kws;

/** The frames of a step behind those of the past that a convolution still needs. */
final class History {
    final float[] data;
    private final Value source;
    private final int contextValues;

    /**
     * Checks the size of the context and makes room for it.
     *
     * @param context frames of the past
     */
    History(Value source, long context, Budget budget) throws ModelFileException {
        Operation.require(context >= 0 && context <= Integer.MAX_VALUE, "has " + context + " frames of context");
        budget.take(context * source.features, 0);
        this.source = source;
        contextValues = (int) context * source.features;
        data = contextValues == 0 ? source.data : new float[contextValues + source.data.length];
    }

    int stateSize() {
        return contextValues;
    }

    /** Puts the frames of this step behind the context. */
    void take() {
        if (contextValues > 0) {
            System.arraycopy(source.data, 0, data, contextValues, source.data.length);
        }
    }

    /** Keeps the newest frames as the context of the next step. */
    void keep() {
        if (contextValues > 0) {
            System.arraycopy(data, source.data.length, data, 0, contextValues);
        }
    }

    void reset() {
        if (contextValues > 0) {
            java.util.Arrays.fill(data, 0f);
        }
    }
}
