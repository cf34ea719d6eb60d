package org.kws;

/** Is told the raw scores of every model step, before they are decided on. */
public interface ScoreListener {
    /**
     * Takes the scores of a step.
     *
     * @param step number of the step, from 0 at the start or the last reset
     * @param scores one probability a keyword, in the order of {@link KeywordDetector#keywords()}; the array is used
     *     again for the next step
     */
    void onScores(long step, float[] scores);
}
