package org.kws;

/** One operation of the graph: reads its sources' values of a step, writes its own. */
abstract class Operation {
    final Value target;
    /** Values of its state, 0 if it has none. */
    final int stateSize;

    Operation(Value target, int stateSize) {
        this.target = target;
        this.stateSize = stateSize;
    }

    abstract void run();

    /** Makes the state that of silence. */
    void reset() {}

    static void require(boolean isRight, String problem) throws ModelFileException {
        if (!isRight) {
            throw new ModelFileException("an operation " + problem);
        }
    }
}
