package org.kws;

import java.io.InputStream;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * A model at work: features, network and decision over one stream of 16 kHz mono audio.
 *
 * <pre>{@code
 * try (InputStream file = getAssets().open("computer.kws")) {
 *     detector = KeywordDetector.open(file);
 * }
 * for (KeywordEvent event : detector.process(samples)) { ... }
 * }</pre>
 *
 * <p>The same audio gives the same events, whatever the sizes in which it comes. Nothing is allocated while no event
 * fires. One detector belongs to one thread at a time.
 */
public final class KeywordDetector {
    private final Model model;
    private final Decider[] deciders;
    private ScoreListener listener;
    private long step;

    private KeywordDetector(Model model) {
        this.model = model;
        deciders = new Decider[model.spec.keywords.size()];
        for (int i = 0; i < deciders.length; i++) {
            deciders[i] = new Decider(model.spec.rules.get(i), model.spec.stepSeconds());
        }
    }

    /**
     * Loads a {@code .kws} model.
     *
     * @param file read to its end, and not closed; it is not trusted
     * @throws ModelFileException if it cannot be read, is damaged, or is no such model
     */
    public static KeywordDetector open(InputStream file) throws ModelFileException {
        return new KeywordDetector(new Model(file));
    }

    /** The model's short name. */
    public String name() {
        return model.spec.name;
    }

    /** The keywords, one a score. */
    public List<String> keywords() {
        return model.spec.keywords;
    }

    /** Seconds of audio from one score to the next. */
    public double stepSeconds() {
        return model.spec.stepSeconds();
    }

    /** Samples from one score to the next; pieces of this size or a multiple of it are the cheapest. */
    public int stepSamples() {
        return model.spec.stepSamples();
    }

    /**
     * Changes the score at which a keyword fires, and forgets its past scores.
     *
     * @param keyword one of {@link #keywords()}
     * @param threshold 0 to 1
     * @throws IllegalArgumentException if there is no such keyword, or the number is out of range
     */
    public void setThreshold(String keyword, double threshold) {
        int index = model.spec.keywords.indexOf(keyword);
        if (index < 0) {
            throw new IllegalArgumentException("keyword is " + keyword + "; accepted are " + model.spec.keywords);
        }
        if (!(threshold >= 0 && threshold <= 1)) {
            throw new IllegalArgumentException("threshold is " + threshold + "; accepted are numbers from 0 to 1");
        }
        deciders[index] = new Decider(model.spec.rules.get(index).withThreshold(threshold), stepSeconds());
    }

    /** Sets who is told the raw scores, or null. */
    public void setScoreListener(ScoreListener listener) {
        this.listener = listener;
    }

    /** Takes the next samples; see {@link #process(short[], int, int)}. */
    public List<KeywordEvent> process(short[] samples) {
        return process(samples, 0, samples.length);
    }

    /**
     * Takes the next samples of the stream.
     *
     * @param samples 16-bit PCM, 16 kHz, mono
     * @param offset first of them
     * @param length how many
     * @return the events of the model steps that are complete now, in order of time; mostly an empty list
     */
    public List<KeywordEvent> process(short[] samples, int offset, int length) {
        if (offset < 0 || length < 0 || offset > samples.length - length) {
            throw new IllegalArgumentException(
                    "offset " + offset + " and length " + length + " do not lie in " + samples.length + " samples");
        }
        List<KeywordEvent> events = Collections.emptyList();
        int end = offset + length;
        for (int at = offset; at < end; ) {
            at += model.frontEnd.fill(samples, at, end - at);
            if (model.frontEnd.isFull()) {
                events = decide(model.step(), events);
            }
        }
        return events;
    }

    private List<KeywordEvent> decide(float[] scores, List<KeywordEvent> events) {
        if (listener != null) {
            listener.onScores(step, scores);
        }
        List<KeywordEvent> found = events;
        step++;
        for (int i = 0; i < deciders.length; i++) {
            double fired = deciders[i].update(scores[i]);
            if (fired == fired) {
                if (found.isEmpty()) {
                    found = new ArrayList<KeywordEvent>();
                }
                found.add(new KeywordEvent(model.spec.keywords.get(i), step * stepSeconds(), fired));
            }
        }
        return found;
    }

    /** Forgets all audio: what comes next follows silence and starts at 0 s. */
    public void reset() {
        model.reset();
        for (Decider decider : deciders) {
            decider.reset();
        }
        step = 0;
    }
}
