package org.kws;

/** What a model may take in one step, counted before anything is allocated. */
final class Budget {
    private static final long MAX_VALUES = 2_000_000;
    private static final long MAX_MACS = 30_000_000;

    private long values;
    private long macs;

    /** Counts rows of a matrix, each of which is an array of its own. */
    void takeRows(long count) throws ModelFileException {
        take(count, 0);
    }

    /** Counts values of a step, of a state or of a table, and multiplications of a step. */
    void take(long moreValues, long moreMacs) throws ModelFileException {
        values += moreValues;
        macs += moreMacs;
        if (moreValues < 0 || moreMacs < 0 || values > MAX_VALUES || macs > MAX_MACS) {
            throw new ModelFileException("a step of the model takes more than " + MAX_VALUES + " values or "
                    + MAX_MACS + " multiplications");
        }
    }
}
