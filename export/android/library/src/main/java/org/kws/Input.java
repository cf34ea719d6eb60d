package org.kws;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.Charset;
import java.util.Arrays;
import java.util.zip.CRC32;

/** The bytes of a model file, read from the front and never beyond the checksum at their end. */
final class Input {
    static final int MAX_FILE_BYTES = 16 * 1024 * 1024;
    static final int MAX_AXIS = 65536;
    private static final byte[] MAGIC = {(byte) 0x89, 'K', 'W', 'S', '\r', '\n', 0x1a, '\n'};
    private static final int VERSION = 1;
    private static final int SIZE_END = 16;
    private static final int LEAST_BYTES = 36;
    private static final int CRC_BYTES = 4;

    private final ByteBuffer bytes;

    private Input(byte[] data, int length) {
        bytes = ByteBuffer.wrap(data, 0, length - CRC_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.position(SIZE_END);
    }

    /** Reads a whole file; what is returned stands behind its magic, version and size, and has the right checksum. */
    static Input read(InputStream stream) throws ModelFileException {
        byte[] data = new byte[SIZE_END];
        try {
            int length = fill(stream, data, 0, SIZE_END);
            int size = size(data, length);
            int end = 0;
            // A file that lies about its size costs no more memory than it has bytes.
            while (length >= end && length < size) {
                end = Math.min(size, Math.max(8192, 2 * length));
                data = Arrays.copyOf(data, end);
                length = fill(stream, data, length, end);
            }
            if (length != size || stream.read() >= 0) {
                throw new ModelFileException("the model is truncated or altered: it says that it has " + size + " bytes");
            }
            checkCrc(data, size);
            return new Input(data, size);
        } catch (ModelFileException error) {
            throw error;
        } catch (IOException error) {
            throw new ModelFileException("the model cannot be read (" + error.getMessage() + ")");
        }
    }

    private static int fill(InputStream stream, byte[] data, int from, int to) throws IOException {
        int length = from;
        while (length < to) {
            int count = stream.read(data, length, to - length);
            if (count < 0) {
                break;
            }
            length += count;
        }
        return length;
    }

    private static int size(byte[] data, int length) throws ModelFileException {
        if (length < SIZE_END || !Arrays.equals(MAGIC, Arrays.copyOf(data, MAGIC.length))) {
            throw new ModelFileException("this is no .kws model (its first bytes are others)");
        }
        ByteBuffer header = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
        int version = header.getInt(8);
        if (version != VERSION) {
            throw new ModelFileException(
                    "the model has format " + (version & 0xffffffffL) + "; this library reads " + VERSION);
        }
        int size = header.getInt(12);
        if (size < LEAST_BYTES || size > MAX_FILE_BYTES) {
            throw new ModelFileException(
                    "the model says that it has " + (size & 0xffffffffL) + " bytes; accepted are up to "
                            + MAX_FILE_BYTES);
        }
        return size;
    }

    private static void checkCrc(byte[] data, int size) throws ModelFileException {
        CRC32 crc = new CRC32();
        crc.update(data, 0, size - CRC_BYTES);
        int stated = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN).getInt(size - CRC_BYTES);
        if ((int) crc.getValue() != stated) {
            throw new ModelFileException("the model is damaged: its checksum is wrong");
        }
    }

    /** Bytes that are left before the checksum. */
    int left() {
        return bytes.remaining();
    }

    /** Reads a number that may not be above a limit. */
    int integer(String name, int limit) throws ModelFileException {
        need(4);
        int value = bytes.getInt();
        if (value < 0 || value > limit) {
            throw new ModelFileException(
                    "the model has " + name + " " + (value & 0xffffffffL) + "; accepted are up to " + limit);
        }
        return value;
    }

    int unsignedShort() throws ModelFileException {
        need(2);
        return bytes.getShort() & 0xffff;
    }

    /** Reads UTF-8 and the zeros up to the next multiple of four bytes. */
    String text(int length) throws ModelFileException {
        need(length);
        ByteBuffer part = bytes.slice();
        part.limit(length);
        bytes.position(bytes.position() + length);
        align();
        try {
            CharBuffer text = Charset.forName("UTF-8").newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(part);
            return text.toString();
        } catch (CharacterCodingException error) {
            throw new ModelFileException("the spec of the model is not UTF-8");
        }
    }

    /** Reads a tensor as floats, whatever it is stored as. */
    Tensor tensor() throws ModelFileException {
        need(4);
        int type = bytes.get() & 0xff;
        int nAxes = bytes.get() & 0xff;
        int nScales = bytes.getShort() & 0xffff;
        if (type > 1 || nAxes < 1 || nAxes > 4) {
            throw new ModelFileException("a tensor is of the unknown type " + type + " or has " + nAxes + " axes");
        }
        int[] shape = new int[nAxes];
        long size = 1;
        for (int axis = 0; axis < nAxes; axis++) {
            shape[axis] = integer("an axis of", MAX_AXIS);
            size *= shape[axis];
            if (size < 1 || size > MAX_FILE_BYTES) {
                throw new ModelFileException("a tensor is larger than the file, or empty");
            }
        }
        if (type == 0 ? nScales != 0 : nScales != 1 && nScales != shape[0]) {
            throw new ModelFileException("a tensor has " + nScales + " scales");
        }
        float[] values = type == 0 ? floats((int) size) : scaled(floats(nScales), (int) size);
        align();
        return new Tensor(shape, values);
    }

    private float[] floats(int count) throws ModelFileException {
        need(4L * count);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = finite(bytes.getFloat());
        }
        return values;
    }

    private float[] scaled(float[] scales, int count) throws ModelFileException {
        need(count);
        float[] values = new float[count];
        int perScale = count / scales.length;
        for (int i = 0; i < count; i++) {
            values[i] = finite(bytes.get() * scales[i / perScale]);
        }
        return values;
    }

    private static float finite(float value) throws ModelFileException {
        if (Float.isNaN(value) || Float.isInfinite(value)) {
            throw new ModelFileException("a tensor holds NaN or infinity");
        }
        return value;
    }

    private void align() throws ModelFileException {
        while (bytes.position() % 4 != 0) {
            need(1);
            if (bytes.get() != 0) {
                throw new ModelFileException("the model has other bytes than zero between its parts");
            }
        }
    }

    private void need(long count) throws ModelFileException {
        if (count > bytes.remaining()) {
            throw new ModelFileException(
                    "a part of the model claims " + count + " bytes where " + bytes.remaining() + " are left");
        }
    }
}
