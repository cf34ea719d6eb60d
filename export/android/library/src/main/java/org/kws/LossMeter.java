package org.kws;

/**
 * Samples that a device lost, found by counting them against the clock, since no driver can be trusted to tell. If all
 * later reads come late by the same time, so much audio is missing.
 */
final class LossMeter {
    // Reads come unevenly, by up to 100 ms; the earliest of half this long tells where the clock is.
    private static final double WINDOW_S = 0.8;
    private static final double LEAST_LOSS_S = 0.07;
    // While a backlog is worked off, reads come earlier and earlier; a loss keeps them late by the same time.
    private static final double STEADY_S = 0.03;
    private static final double CHECK_S = 1.0;
    // Sound cards keep time to 0.01 %, bad ones to 0.03 %.
    private static final double MAX_DRIFT = 5e-4;
    private static final int MAX_RECENT = 1024;

    private final double rateHz;
    private final double[] times = new double[MAX_RECENT];
    private final double[] origins = new double[MAX_RECENT];
    private int oldest;
    private int count;
    private long frames;
    private double baselineS = Double.POSITIVE_INFINITY;
    private double checkS;
    private double driftS;

    LossMeter(int rateHz) {
        this.rateHz = rateHz;
    }

    /** Takes the time of a read and its number of samples; returns how many were found lost, which then count too. */
    synchronized long update(double nowS, int newFrames) {
        frames += newFrames;
        double originS = nowS - frames / rateHz;
        baselineS = Math.min(baselineS, originS);
        add(nowS, originS);
        if (times[oldest] < nowS - WINDOW_S) {
            drop();
        }
        if (originS - baselineS < LEAST_LOSS_S && nowS < checkS) {
            return 0;
        }
        checkS = nowS + CHECK_S;
        while (times[oldest] < nowS - WINDOW_S) {
            drop();
        }
        return countLost(nowS);
    }

    /** Returns when a sample could be had first; NaN before the first read. */
    synchronized double capturedS(long frame, long lost) {
        return Double.isInfinite(baselineS) ? Double.NaN : baselineS + (frame + lost) / rateHz;
    }

    private void add(double timeS, double originS) {
        if (count == MAX_RECENT) {
            drop();
        }
        int at = (oldest + count++) % MAX_RECENT;
        times[at] = timeS;
        origins[at] = originS;
    }

    private void drop() {
        oldest = (oldest + 1) % MAX_RECENT;
        count--;
    }

    private long countLost(double nowS) {
        double lateS = earliest(Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY) - baselineS;
        if (lateS < LEAST_LOSS_S || !isSteady(nowS)) {
            // A card that runs slow moves the origin little by little; a loss moves it at once.
            baselineS += Math.min(lateS, Math.min(nowS - driftS, CHECK_S) * MAX_DRIFT);
            driftS = nowS;
            return 0;
        }
        long lost = Math.round(lateS * rateHz);
        frames += lost;
        for (int i = 0; i < count; i++) {
            origins[(oldest + i) % MAX_RECENT] -= lost / rateHz;
        }
        return lost;
    }

    private boolean isSteady(double nowS) {
        double middleS = nowS - WINDOW_S / 2;
        int older = 0;
        while (older < count && times[(oldest + older) % MAX_RECENT] < middleS) {
            older++;
        }
        // A window that was not heard from its start proves nothing: a backlog may still be coming in.
        boolean isWhole = older >= 2 && times[oldest] <= nowS - 0.75 * WINDOW_S;
        return isWhole
                && earliest(middleS, Double.POSITIVE_INFINITY)
                        > earliest(Double.NEGATIVE_INFINITY, middleS) - STEADY_S;
    }

    /** The smallest origin of the reads from one time to before another. */
    private double earliest(double fromS, double toS) {
        double found = Double.POSITIVE_INFINITY;
        for (int i = 0; i < count; i++) {
            int at = (oldest + i) % MAX_RECENT;
            if (times[at] >= fromS && times[at] < toS) {
                found = Math.min(found, origins[at]);
            }
        }
        return found;
    }
}
