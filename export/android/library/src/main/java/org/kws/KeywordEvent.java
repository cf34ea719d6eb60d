package org.kws;

import java.util.Locale;

/** One detection. */
public final class KeywordEvent {
    private final String keyword;
    private final double timeSeconds;
    private final double score;

    KeywordEvent(String keyword, double timeSeconds, double score) {
        this.keyword = keyword;
        this.timeSeconds = timeSeconds;
        this.score = score;
    }

    /** The keyword, as the model spells it. */
    public String keyword() {
        return keyword;
    }

    /** Audio time in seconds since the start or the last reset, at which it fires. */
    public double timeSeconds() {
        return timeSeconds;
    }

    /** The smoothed score, 0 to 1. */
    public double score() {
        return score;
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%s at %.2f s, score %.3f", keyword, timeSeconds, score);
    }
}
