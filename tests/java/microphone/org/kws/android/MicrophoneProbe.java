package org.kws.android;

import android.media.AudioRecord;
import java.io.BufferedInputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.util.Locale;
import org.kws.KeywordDetector;
import org.kws.LiveEvent;

/** Runs {@link MicrophoneDetector} on the microphone of the test for some seconds, and prints what it tells. */
public final class MicrophoneProbe {
    private MicrophoneProbe() {}

    public static void main(String[] arguments) throws Exception {
        byte[] bytes = Files.readAllBytes(new File(arguments[1]).toPath());
        AudioRecord.audio = new short[bytes.length / 2];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asShortBuffer().get(AudioRecord.audio);
        double place = Double.parseDouble(arguments[4]);
        switch (arguments[3]) {
            case "dies":
                AudioRecord.diesAtS = place;
                break;
            case "hangs":
                AudioRecord.hangsAtS = place;
                break;
            case "silent":
                AudioRecord.silentFromS = place;
                break;
            case "refused":
                AudioRecord.refusals = 1;
                break;
            default:
        }
        KeywordDetector detector;
        try (InputStream file = new BufferedInputStream(new FileInputStream(arguments[0]))) {
            detector = KeywordDetector.open(file);
        }
        MicrophoneDetector microphone = new MicrophoneDetector(detector, new MicrophoneDetector.Listener() {
            @Override
            public synchronized void onKeyword(LiveEvent event) {
                System.out.println(String.format(Locale.ROOT, "keyword\t%.3f\t%.3f", event.timeSeconds(),
                        event.ageSeconds()));
            }

            @Override
            public synchronized void onNotice(String text) {
                System.out.println("notice\t" + text);
            }
        });
        microphone.start();
        microphone.start();
        Thread.sleep((long) (1000 * Double.parseDouble(arguments[2])));
        microphone.stop();
        microphone.stop();
        Thread.sleep(300);
        int threads = 0;
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            threads += thread.getName().startsWith("kws-") ? 1 : 0;
        }
        System.out.println("end\t" + microphone.lostSamples() + "\t" + AudioRecord.nOpened + "\t"
                + AudioRecord.nReleased + "\t" + threads);
    }
}
