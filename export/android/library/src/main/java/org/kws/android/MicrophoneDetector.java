package org.kws.android;

import android.media.AudioFormat;
import android.media.AudioRecord;
import android.media.MediaRecorder;
import android.os.Handler;
import android.os.Looper;
import android.os.Process;
import android.os.SystemClock;
import java.util.List;
import org.kws.DeviceWatch;
import org.kws.KeywordDetector;
import org.kws.LiveDetector;
import org.kws.LiveEvent;

/**
 * Keywords from the microphone. The app must hold {@code RECORD_AUDIO}, and be visible or run a foreground service of the
 * type microphone, such as {@link KeywordService}.
 *
 * <p>One thread reads the microphone into a ring of 3.2 s, another one detects. The microphone is opened again where it
 * fails, stops delivering or is silent; what was lost is counted, and nothing is told of audio older than a second.
 */
public final class MicrophoneDetector {
    /** Is told what happens, on the main thread unless another handler was given. */
    public interface Listener {
        /** A keyword was heard. */
        void onKeyword(LiveEvent event);

        /** What a person should know, such as that the microphone was taken away. */
        void onNotice(String text);
    }

    private static final int RATE_HZ = 16000;
    private static final int READ_SAMPLES = RATE_HZ / 25;
    private static final int BUFFER_BYTES = 2 * RATE_HZ;
    private static final long WAIT_MS = 500;
    private static final double MAX_AGE_S = 1.0;

    private final Listener listener;
    private final Handler handler;
    private final LiveDetector live;
    private final DeviceWatch watch = new DeviceWatch(now());
    private Thread reading;
    private Thread detecting;
    private AudioRecord record;
    private volatile boolean isRunning;

    /** Makes one that does not listen yet, and tells the listener on the main thread. */
    public MicrophoneDetector(KeywordDetector detector, Listener listener) {
        this(detector, listener, new Handler(Looper.getMainLooper()));
    }

    /**
     * Makes one that does not listen yet.
     *
     * @param detector used by this object only from now on
     */
    public MicrophoneDetector(KeywordDetector detector, Listener listener, Handler handler) {
        this.listener = listener;
        this.handler = handler;
        live = new LiveDetector(detector, new LiveDetector.Clock() {
            @Override
            public double nowSeconds() {
                return now();
            }
        }, MAX_AGE_S);
    }

    // Goes on while the device sleeps, so that a pause is seen as one.
    private static double now() {
        return SystemClock.elapsedRealtimeNanos() * 1e-9;
    }

    /** Starts to listen; does nothing if it does already. */
    public synchronized void start() {
        if (isRunning) {
            return;
        }
        isRunning = true;
        reading = new Thread(new Runnable() {
            @Override
            public void run() {
                read();
            }
        }, "kws-microphone");
        detecting = new Thread(new Runnable() {
            @Override
            public void run() {
                detect();
            }
        }, "kws-detector");
        reading.start();
        detecting.start();
    }

    /** Stops and gives the microphone free; a second call does nothing. */
    public synchronized void stop() {
        isRunning = false;
        close();
        if (reading != null) {
            reading.interrupt();
            detecting.interrupt();
            reading = null;
            detecting = null;
        }
    }

    /** Whether it was started and not stopped. */
    public boolean isRunning() {
        return isRunning;
    }

    /** Does not listen for so long: the app plays a sound. Call it from {@link Listener#onKeyword} or later. */
    public void mute(double seconds) {
        live.mute(seconds);
    }

    /** Samples lost so far, of 16 000 a second. */
    public long lostSamples() {
        return live.lostSamples();
    }

    /** Keywords heard too late to be told. */
    public long staleEvents() {
        return live.staleEvents();
    }

    private void read() {
        Process.setThreadPriority(Process.THREAD_PRIORITY_URGENT_AUDIO);
        short[] samples = new short[READ_SAMPLES];
        boolean isTold = false;
        while (isRunning) {
            AudioRecord opened = open();
            int count = opened == null ? 0 : opened.read(samples, 0, samples.length);
            while (isRunning && count > 0) {
                watch.heard(now(), samples, count);
                live.write(samples, count);
                count = opened.read(samples, 0, samples.length);
            }
            close();
            if (isRunning) {
                if (opened == null && !isTold) {
                    tellNotice("the microphone cannot be opened; trying again");
                }
                isTold = opened == null;
                sleep(watch.nextDelayS());
            }
        }
    }

    private synchronized AudioRecord open() {
        if (!isRunning) {
            return null;
        }
        int least = AudioRecord.getMinBufferSize(RATE_HZ, AudioFormat.CHANNEL_IN_MONO, AudioFormat.ENCODING_PCM_16BIT);
        AudioRecord made;
        try {
            // Meant for recognisers: no automatic gain, no noise suppression, where the maker keeps to the rules.
            made = new AudioRecord(MediaRecorder.AudioSource.VOICE_RECOGNITION, RATE_HZ, AudioFormat.CHANNEL_IN_MONO,
                    AudioFormat.ENCODING_PCM_16BIT, Math.max(least, BUFFER_BYTES));
            if (made.getState() != AudioRecord.STATE_INITIALIZED) {
                made.release();
                return null;
            }
            made.startRecording();
        } catch (IllegalArgumentException | IllegalStateException | SecurityException problem) {
            return null;
        }
        live.opened();
        watch.opened(now());
        record = made;
        return made;
    }

    private synchronized void close() {
        if (record == null) {
            return;
        }
        try {
            // A read that waits in another thread returns.
            record.stop();
        } catch (IllegalStateException problem) {
            tellNotice("the microphone was gone already");
        }
        record.release();
        record = null;
    }

    private synchronized boolean isOpen() {
        return record != null;
    }

    private void detect() {
        Process.setThreadPriority(Process.THREAD_PRIORITY_AUDIO);
        try {
            while (isRunning) {
                tell(live.process(WAIT_MS));
                String problem = isOpen() ? watch.problem(now()) : null;
                if (problem != null) {
                    if (!watch.isKnown()) {
                        tellNotice(problem + "; it is opened again");
                    }
                    watch.opened(now());
                    close();
                }
            }
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
    }

    private void tell(List<LiveEvent> events) {
        for (final LiveEvent event : events) {
            handler.post(new Runnable() {
                @Override
                public void run() {
                    listener.onKeyword(event);
                }
            });
        }
    }

    private void tellNotice(final String text) {
        handler.post(new Runnable() {
            @Override
            public void run() {
                listener.onNotice(text);
            }
        });
    }

    private static void sleep(double seconds) {
        try {
            Thread.sleep(Math.round(1000 * seconds));
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
    }
}
