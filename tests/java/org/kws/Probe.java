package org.kws;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.EOFException;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.util.List;
import java.util.Random;

/** What the tests ask of the engine, one command a process; see tests/java_engine.py. */
public final class Probe {
    private Probe() {}

    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "run":
                run(arguments[1], arguments[2], Integer.parseInt(arguments[3]), arguments[4]);
                break;
            case "features":
                features(arguments[1], arguments[2], arguments[3]);
                break;
            case "open":
                open(arguments[1]);
                break;
            case "decide":
                Decisions.run();
                break;
            case "ring":
                Live.ring(arguments[1]);
                break;
            case "meter":
                Live.meter();
                break;
            case "watch":
                Live.watch();
                break;
            case "listen":
                Live.listen(arguments[1], arguments[2], arguments[3]);
                break;
            case "tanh":
                tanh();
                break;
            case "time":
                Timing.run(arguments[1], arguments[2]);
                break;
            default:
                throw new IllegalArgumentException(arguments[0]);
        }
    }

    static KeywordDetector detector(String path) throws IOException {
        try (InputStream file = new BufferedInputStream(new FileInputStream(path))) {
            return KeywordDetector.open(file);
        }
    }

    static short[] pcm16(String path) throws IOException {
        byte[] bytes = Files.readAllBytes(new File(path).toPath());
        short[] samples = new short[bytes.length / 2];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asShortBuffer().get(samples);
        return samples;
    }

    /** Prints the events and writes the scores; chunk 0 is sizes at random, also of nothing. */
    private static void run(String model, String audio, int chunk, String out) throws IOException {
        KeywordDetector detector = detector(model);
        short[] samples = pcm16(audio);
        Random random = new Random(1);
        try (Floats scores = new Floats(out)) {
            detector.setScoreListener((step, values) -> scores.write(values));
            // Twice: after a reset nothing of the first time may be left.
            detector.process(samples, 0, Math.min(samples.length, 20000));
            detector.reset();
            scores.restart();
            for (int at = 0; at < samples.length; ) {
                int length = Math.min(samples.length - at, chunk > 0 ? chunk : random.nextInt(3000));
                for (KeywordEvent event : detector.process(samples, at, length)) {
                    System.out.println(event.keyword() + "\t" + event.timeSeconds() + "\t" + event.score());
                }
                at += length;
            }
        }
    }

    private static void features(String path, String audio, String out) throws IOException {
        Model model;
        try (InputStream file = new BufferedInputStream(new FileInputStream(path))) {
            model = new Model(file);
        }
        short[] samples = pcm16(audio);
        float[] frames = new float[model.spec.stepFrames * model.spec.frontEnd.bands];
        try (Floats found = new Floats(out)) {
            for (int at = 0; at < samples.length; ) {
                at += model.frontEnd.fill(samples, at, samples.length - at);
                if (model.frontEnd.isFull()) {
                    model.frontEnd.frames(frames);
                    found.write(frames);
                }
            }
        }
    }

    /** Opens every model of a file of lengths and bytes, and runs a second of noise through those it accepts. */
    private static void open(String path) throws IOException {
        short[] noise = new short[16000];
        Random random = new Random(2);
        for (int i = 0; i < noise.length; i++) {
            noise[i] = (short) random.nextInt();
        }
        int accepted = 0;
        int refused = 0;
        long slowest = 0;
        try (DataInputStream file = new DataInputStream(new BufferedInputStream(new FileInputStream(path)))) {
            for (;;) {
                byte[] bytes = new byte[file.readInt()];
                file.readFully(bytes);
                long start = System.nanoTime();
                try {
                    KeywordDetector.open(new ByteArrayInputStream(bytes)).process(noise);
                    accepted++;
                } catch (ModelFileException error) {
                    String message = error.getMessage();
                    if (message == null || message.isEmpty() || message.indexOf('\n') >= 0) {
                        throw new AssertionError("no clear line: " + message);
                    }
                    refused++;
                }
                slowest = Math.max(slowest, System.nanoTime() - start);
            }
        } catch (EOFException end) {
            System.out.println(accepted + "\t" + refused + "\t" + slowest / 1000000);
        }
    }

    /** Prints the largest error of the tanh of the kernels. */
    private static void tanh() {
        float[] values = new float[400_001];
        for (int i = 0; i < values.length; i++) {
            values[i] = (i - 200_000) * 1e-4f;
        }
        float[] found = values.clone();
        Kernels.tanh(found, found.length);
        double worst = 0;
        for (int i = 0; i < found.length; i++) {
            worst = Math.max(worst, Math.abs(found[i] - Math.tanh(values[i])));
            if (Math.abs(found[i]) > 1f) {
                throw new AssertionError("beyond 1 at " + values[i]);
            }
        }
        System.out.println(worst);
    }

    /** Writes float32, little-endian. */
    private static final class Floats implements AutoCloseable {
        private final String path;
        private DataOutputStream file;

        Floats(String path) throws IOException {
            this.path = path;
            restart();
        }

        void restart() throws IOException {
            if (file != null) {
                file.close();
            }
            file = new DataOutputStream(new BufferedOutputStream(new FileOutputStream(path)));
        }

        void write(float[] values) {
            try {
                for (float value : values) {
                    file.writeInt(Integer.reverseBytes(Float.floatToRawIntBits(value)));
                }
            } catch (IOException error) {
                throw new IllegalStateException(error);
            }
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }
}
