package org.kws;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.Arrays;
import java.util.Locale;

/** The parts of live listening, driven line by line from a test, on a clock that the test sets. */
final class Live {
    private Live() {}

    private static BufferedReader lines() {
        return new BufferedReader(new InputStreamReader(System.in));
    }

    /** Lines "w LENGTH LOST" and "r": prints the pieces that a read takes, with a checksum of their samples. */
    static void ring(String capacity) throws IOException {
        FrameRing ring = new FrameRing(Integer.parseInt(capacity));
        FrameRing.Piece piece = new FrameRing.Piece(ring.capacity());
        BufferedReader lines = lines();
        short next = 0;
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            if (words[0].equals("w")) {
                short[] samples = new short[Integer.parseInt(words[1])];
                for (int i = 0; i < samples.length; i++) {
                    samples[i] = next++;
                }
                ring.write(samples, samples.length, Long.parseLong(words[2]));
                continue;
            }
            StringBuilder found = new StringBuilder();
            while (ring.next(piece)) {
                int first = piece.samples[0];
                int last = piece.samples[piece.length - 1];
                found.append(piece.lost).append(',').append(piece.first).append(',').append(piece.length)
                        .append(',').append(first).append(',').append(last).append(' ');
            }
            System.out.println(found);
        }
    }

    /** Lines "TIME FRAMES": prints what is found lost, and when the last frame could be had first. */
    static void meter() throws IOException {
        LossMeter meter = new LossMeter(16000);
        BufferedReader lines = lines();
        long frames = 0;
        long lost = 0;
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            int count = Integer.parseInt(words[1]);
            long found = meter.update(Double.parseDouble(words[0]), count);
            frames += count;
            lost += found;
            System.out.println(found + " " + meter.capturedS(frames, lost));
        }
    }

    /**
     * Lines "clock S", "write FROM LENGTH" (of the audio), "open", "mute S", "process": the last prints the events, then
     * samples lost and stale events.
     */
    static void listen(String model, String audio, String maxAge) throws Exception {
        final double[] now = {0.0};
        LiveDetector detector = new LiveDetector(Probe.detector(model), () -> now[0], Double.parseDouble(maxAge));
        short[] samples = Probe.pcm16(audio);
        BufferedReader lines = lines();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            switch (words[0]) {
                case "clock":
                    now[0] = Double.parseDouble(words[1]);
                    break;
                case "write":
                    int from = Integer.parseInt(words[1]);
                    int length = Integer.parseInt(words[2]);
                    detector.write(Arrays.copyOfRange(samples, from, from + length), length);
                    break;
                case "open":
                    detector.opened();
                    break;
                case "mute":
                    detector.mute(Double.parseDouble(words[1]));
                    break;
                default:
                    for (LiveEvent event : detector.process(0)) {
                        System.out.println(String.format(Locale.ROOT, "%s\t%.6f\t%.6f\t%.6f", event.keyword(),
                                event.timeSeconds(), event.score(), event.ageSeconds()));
                    }
            }
        }
        System.out.println(detector.lostSamples() + "\t" + detector.staleEvents());
    }

    /** Lines "TIME heard LEVEL", "TIME opened", "TIME ask", "TIME delay": prints what is asked for. */
    static void watch() throws IOException {
        DeviceWatch watch = new DeviceWatch(0);
        BufferedReader lines = lines();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            double time = Double.parseDouble(words[0]);
            switch (words[1]) {
                case "heard":
                    watch.heard(time, new short[] {0, Short.parseShort(words[2])}, 2);
                    break;
                case "opened":
                    watch.opened(time);
                    break;
                case "delay":
                    System.out.println(watch.nextDelayS());
                    break;
                default:
                    System.out.println(watch.problem(time) + (watch.isKnown() ? " (known)" : ""));
            }
        }
    }
}
