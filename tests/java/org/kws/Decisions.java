package org.kws;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.Map;

/** The decision rule on scores that a test makes up. */
final class Decisions {
    private Decisions() {}

    /** Pairs of lines, a rule as JSON with its step in seconds before it, and scores: prints index and value of events. */
    static void run() throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            int space = line.indexOf(' ');
            Map<String, Object> rule = Json.parse(line.substring(space + 1), "");
            Decider decider = new Decider(new Spec.Rule(rule), Double.parseDouble(line.substring(0, space)));
            StringBuilder events = new StringBuilder();
            String[] scores = lines.readLine().split(" ");
            for (int i = 0; i < scores.length; i++) {
                double fired = decider.update(Float.parseFloat(scores[i]));
                if (fired == fired) {
                    events.append(i).append(' ').append(fired).append(' ');
                }
            }
            System.out.println(events);
        }
    }
}
