package org.kws;

/** A detection in live audio. */
public final class LiveEvent {
    private final KeywordEvent event;
    private final double timeSeconds;
    private final double ageSeconds;

    LiveEvent(KeywordEvent event, double timeSeconds, double ageSeconds) {
        this.event = event;
        this.timeSeconds = timeSeconds;
        this.ageSeconds = ageSeconds;
    }

    /** The keyword, as the model spells it. */
    public String keyword() {
        return event.keyword();
    }

    /** The smoothed score, 0 to 1. */
    public double score() {
        return event.score();
    }

    /** Seconds from the start of listening to when the keyword fired, audio that was lost included. */
    public double timeSeconds() {
        return timeSeconds;
    }

    /** How long ago the microphone heard it. */
    public double ageSeconds() {
        return ageSeconds;
    }
}
