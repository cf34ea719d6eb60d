package org.kws;

/**
 * A few seconds of samples between the thread that reads the microphone and the one that detects: in order, the oldest
 * dropped first, and what was dropped is known. Nothing is allocated once it stands.
 */
final class FrameRing {
    /** Contiguous samples that were pending. */
    static final class Piece {
        /** The samples; only the first {@link #length} count. */
        final short[] samples;
        int length;
        /** Number of the first sample, of those written. */
        long first;
        /** Samples lost just before it, by the device or dropped here. */
        long lost;

        Piece(int capacity) {
            samples = new short[capacity];
        }
    }

    private static final int MAX_GAPS = 64;

    private final short[] ring;
    private final long[] gapPlaces = new long[MAX_GAPS];
    private final long[] gapSizes = new long[MAX_GAPS];
    private int nGaps;
    private long written;
    private long read;

    FrameRing(int capacity) {
        ring = new short[capacity];
    }

    int capacity() {
        return ring.length;
    }

    /** Appends samples, before which the device lost some. */
    synchronized void write(short[] samples, int length, long lostBefore) {
        if (lostBefore > 0) {
            // More gaps than that in one stall are one to whoever reads.
            if (nGaps == MAX_GAPS) {
                gapSizes[nGaps - 1] += lostBefore;
            } else {
                gapPlaces[nGaps] = written;
                gapSizes[nGaps++] = lostBefore;
            }
        }
        for (int done = 0; done < length; ) {
            int at = (int) (written % ring.length);
            int count = Math.min(length - done, ring.length - at);
            System.arraycopy(samples, done, ring, at, count);
            written += count;
            done += count;
        }
        notifyAll();
    }

    /** Waits for so many samples, for at most so long; returns whether they are there. */
    synchronized boolean await(int least, long timeoutMs) throws InterruptedException {
        long end = System.nanoTime() + timeoutMs * 1_000_000;
        while (written - read < least) {
            long leftMs = (end - System.nanoTime()) / 1_000_000;
            if (leftMs <= 0) {
                return false;
            }
            wait(leftMs);
        }
        return true;
    }

    /** Takes the oldest contiguous samples that are pending; returns false if there are none. */
    synchronized boolean next(Piece piece) {
        long dropped = Math.max(0, written - read - ring.length);
        long start = read + dropped;
        long lost = dropped;
        int passed = 0;
        while (passed < nGaps && gapPlaces[passed] <= start) {
            lost += gapSizes[passed++];
        }
        if (start == written) {
            return false;
        }
        dropGaps(passed);
        long end = nGaps > 0 ? Math.min(gapPlaces[0], written) : written;
        piece.first = start;
        piece.lost = lost;
        piece.length = (int) (end - start);
        for (int done = 0; done < piece.length; ) {
            int at = (int) ((start + done) % ring.length);
            int count = Math.min(piece.length - done, ring.length - at);
            System.arraycopy(ring, at, piece.samples, done, count);
            done += count;
        }
        read = end;
        return true;
    }

    private void dropGaps(int count) {
        System.arraycopy(gapPlaces, count, gapPlaces, 0, nGaps - count);
        System.arraycopy(gapSizes, count, gapSizes, 0, nGaps - count);
        nGaps -= count;
    }
}
