package org.kws;

import java.io.IOException;

/** A model file that is truncated, damaged, hostile, of a newer format, or no {@code .kws} file at all. */
public final class ModelFileException extends IOException {
    private static final long serialVersionUID = 1L;

    /** Makes one with a single line that says what is wrong and what is accepted. */
    public ModelFileException(String message) {
        super(message);
    }
}
