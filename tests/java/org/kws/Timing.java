package org.kws;

import com.sun.management.ThreadMXBean;
import java.io.BufferedInputStream;
import java.io.FileInputStream;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.util.Random;

/** Cost of one model step in this JVM: with the front-end, and of the network alone. */
final class Timing {
    private static final int STEPS = 200;

    private Timing() {}

    /**
     * Warms up, says so, and then prints a line of figures for every line of its input: nanoseconds a step of the
     * network, nanoseconds with the front-end, bytes allocated a step.
     */
    static void run(String path, String warmUpSteps) throws Exception {
        Model model;
        try (InputStream file = new BufferedInputStream(new FileInputStream(path))) {
            model = new Model(file);
        }
        KeywordDetector detector = Probe.detector(path);
        Random random = new Random(3);
        short[] noise = new short[detector.stepSamples()];
        for (int i = 0; i < noise.length; i++) {
            noise[i] = (short) (1000 * random.nextGaussian());
        }
        float[] features = new float[model.spec.stepFrames * model.spec.frontEnd.bands];
        for (int i = 0; i < features.length; i++) {
            features[i] = 5f + (float) random.nextGaussian();
        }
        for (int i = 0; i < Integer.parseInt(warmUpSteps); i++) {
            model.step(features);
            detector.process(noise);
        }
        System.out.println("ready");
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long thread = Thread.currentThread().getId();
        while (System.in.read() >= 0) {
            long start = threads.getCurrentThreadCpuTime();
            for (int i = 0; i < STEPS; i++) {
                model.step(features);
            }
            long middle = threads.getCurrentThreadCpuTime();
            long before = threads.getThreadAllocatedBytes(thread);
            for (int i = 0; i < STEPS; i++) {
                detector.process(noise);
            }
            long allocated = threads.getThreadAllocatedBytes(thread) - before;
            long end = threads.getCurrentThreadCpuTime();
            System.out.println((middle - start) / (double) STEPS + "\t" + (end - middle) / (double) STEPS + "\t"
                    + allocated / (double) STEPS);
        }
    }
}
