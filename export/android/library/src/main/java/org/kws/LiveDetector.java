package org.kws;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * A detector on live audio, with the rules of the toolkit's {@code kws run}: a ring of 3.2 s in order, the oldest
 * dropped first; after a loss everything is reset; nothing is told of audio that is too old; the own chime is not
 * listened to.
 *
 * <p>One thread hands over what the microphone gives ({@link #opened()}, {@link #write}), another one detects ({@link
 * #process}). No class of Android is used.
 */
public final class LiveDetector {
    /** Seconds from a fixed point in the past, never set back, going on while the device sleeps. */
    public interface Clock {
        double nowSeconds();
    }

    /** Audio that is kept for a detector that is late. */
    public static final double CAPACITY_S = 3.2;

    private static final int RATE_HZ = Spec.SAMPLE_RATE_HZ;
    private static final int PIECE_SAMPLES = 1280;

    /** What belongs to one opening of the microphone. */
    private static final class Capture {
        final FrameRing ring = new FrameRing((int) (CAPACITY_S * RATE_HZ));
        final LossMeter meter = new LossMeter(RATE_HZ);
        long expected;
        long lost;
        long base;
        boolean hasBase;
    }

    private final KeywordDetector detector;
    private final Clock clock;
    private final double maxAgeS;
    private final FrameRing.Piece piece = new FrameRing.Piece((int) (CAPACITY_S * RATE_HZ));
    private volatile Capture capture = new Capture();
    private Capture heard = capture;
    private long end;
    private double capturedS = Double.NaN;
    private long origin;
    private long mutedUntil;
    private long lostSamples;
    private long staleEvents;

    /**
     * Makes one that has heard nothing.
     *
     * @param maxAgeS what is detected in audio older than this is counted, not told; 1 is usual
     */
    public LiveDetector(KeywordDetector detector, Clock clock, double maxAgeS) {
        if (!(maxAgeS >= 0 && maxAgeS <= 3600)) {
            throw new IllegalArgumentException("maxAgeS is " + maxAgeS + "; accepted are numbers from 0 to 3600");
        }
        this.detector = detector;
        this.clock = clock;
        this.maxAgeS = maxAgeS;
        detector.reset();
    }

    /** The microphone was opened, again or for the first time; what was pending of the last time is dropped. */
    public void opened() {
        capture = new Capture();
    }

    /** Takes what the microphone gave; copies and returns. */
    public void write(short[] samples, int length) {
        Capture now = capture;
        now.ring.write(samples, length, now.meter.update(clock.nowSeconds(), length));
    }

    /**
     * Waits for 80 ms of audio, for at most so long, and detects in all that is pending.
     *
     * @return the events that are not too old, in order of time; mostly an empty list
     */
    public List<LiveEvent> process(long timeoutMs) throws InterruptedException {
        Capture now = capture;
        now.ring.await(PIECE_SAMPLES, timeoutMs);
        heard = now;
        List<LiveEvent> events = Collections.emptyList();
        while (heard.ring.next(piece)) {
            events = hear(events);
        }
        return events;
    }

    /** From now on, for so long, audio is not listened to: the device itself plays a sound. */
    public synchronized void mute(double seconds) {
        double aheadS = Double.isNaN(capturedS) ? seconds : clock.nowSeconds() - capturedS + seconds;
        mutedUntil = end + Math.round(aheadS * RATE_HZ);
    }

    /** Samples lost so far: dropped because detection was late, lost by the device, or while there was none. */
    public synchronized long lostSamples() {
        return lostSamples;
    }

    /** Events that were too old to be told. */
    public synchronized long staleEvents() {
        return staleEvents;
    }

    private synchronized List<LiveEvent> hear(List<LiveEvent> events) {
        long start = place();
        if (start > end) {
            // What came before is not contiguous with it.
            lostSamples += start - end;
            restart(start);
        }
        end = start + piece.length;
        long from = Math.min(Math.max(start, mutedUntil), end);
        if (from > start) {
            restart(from);
        }
        int offset = (int) (from - start);
        return tell(detector.process(piece.samples, offset, piece.length - offset), events);
    }

    /** Returns the sample of the whole timeline at which the piece begins, and notes when it was captured. */
    private long place() {
        Capture now = heard;
        // What the ring dropped was counted as written; what the device lost was not.
        long dropped = piece.first - now.expected;
        now.lost += piece.lost - dropped;
        now.expected = piece.first + piece.length;
        double stated = now.meter.capturedS(now.expected, now.lost);
        double thisS = Double.isNaN(stated) ? clock.nowSeconds() : stated;
        long firstFrame = piece.first + now.lost;
        long start = end;
        boolean isNew = !now.hasBase;
        if (isNew) {
            now.hasBase = true;
            now.base = base(thisS) - firstFrame;
        }
        if (isNew || piece.lost > 0) {
            start = Math.max(end, now.base + firstFrame);
        }
        capturedS = thisS;
        return start;
    }

    private long base(double thisS) {
        if (Double.isNaN(capturedS)) {
            return end;
        }
        double firstS = thisS - (double) piece.length / RATE_HZ;
        // At least one sample: what another opening gives is never contiguous with what was before.
        return end + Math.max(1, Math.round((firstS - capturedS) * RATE_HZ));
    }

    private void restart(long start) {
        origin = start;
        detector.reset();
    }

    private List<LiveEvent> tell(List<KeywordEvent> found, List<LiveEvent> events) {
        List<LiveEvent> told = events;
        for (KeywordEvent event : found) {
            double timeS = event.timeSeconds() + (double) origin / RATE_HZ;
            double ageS = clock.nowSeconds() - (capturedS - ((double) end / RATE_HZ - timeS));
            if (ageS > maxAgeS) {
                staleEvents++;
                continue;
            }
            if (told.isEmpty()) {
                told = new ArrayList<LiveEvent>();
            }
            told.add(new LiveEvent(event, timeS, ageS));
        }
        return told;
    }
}
