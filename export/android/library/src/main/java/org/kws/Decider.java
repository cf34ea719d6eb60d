package org.kws;

import java.util.Arrays;

/**
 * The rule for one keyword: scores in, events out, counted in steps. A score's moving average fires where it has
 * reached the threshold for some steps in a row, the keyword is armed and the refractory time has passed.
 */
final class Decider {
    // A refractory time that is a whole number of steps stays so in spite of binary rounding.
    private static final double STEP_SLACK = 1e-6;

    private final Spec.Rule rule;
    private final int refractorySteps;
    private final double rearmBelow;
    private final double[] window;
    private int oldest;
    private int streak;
    private int wait;
    private boolean isArmed;

    Decider(Spec.Rule rule, double stepSeconds) {
        this.rule = rule;
        refractorySteps = (int) Math.ceil(rule.refractorySeconds / stepSeconds - STEP_SLACK);
        rearmBelow = rule.rearmRatio * rule.threshold;
        window = new double[rule.smoothingSteps];
        reset();
    }

    void reset() {
        Arrays.fill(window, 0.0);
        oldest = 0;
        streak = 0;
        wait = 0;
        isArmed = true;
    }

    /** Takes the next score; returns the smoothed one if an event fires, else NaN. */
    double update(float score) {
        window[oldest] = score;
        oldest = oldest + 1 == window.length ? 0 : oldest + 1;
        double smoothed = average();
        wait = Math.max(0, wait - 1);
        streak = smoothed >= rule.threshold ? streak + 1 : 0;
        if (smoothed < rearmBelow) {
            isArmed = true;
        }
        if (streak < rule.patienceSteps || !isArmed || wait > 0) {
            return Double.NaN;
        }
        isArmed = false;
        wait = refractorySteps;
        return smoothed;
    }

    // Added from the oldest to the newest, so that it rounds as it does elsewhere in the toolkit.
    private double average() {
        double total = 0.0;
        for (int i = oldest; i < window.length; i++) {
            total += window[i];
        }
        for (int i = 0; i < oldest; i++) {
            total += window[i];
        }
        return total / window.length;
    }
}
