package org.kws;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A small reader of JSON with bounds: text to Map, List, String, Double, Boolean or null.
 *
 * <p>Android's own org.json is not used, so that the engine runs on any Java, and because that one has no bound on
 * depth.
 */
final class Json {
    static final int MAX_CHARS = 1_000_000;
    private static final int MAX_DEPTH = 40;
    private static final int MAX_VALUES = 100_000;

    private final String text;
    private final String skipped;
    private int place;
    private int count;

    private Json(String text, String skipped) {
        this.text = text;
        this.skipped = skipped;
    }

    /**
     * Reads an object.
     *
     * @param skipped name of an entry at the top that is checked but not kept
     */
    static Map<String, Object> parse(String text, String skipped) throws ModelFileException {
        if (text.length() > MAX_CHARS) {
            throw new ModelFileException("the spec has " + text.length() + " characters; accepted are " + MAX_CHARS);
        }
        Json json = new Json(text, skipped);
        Object value = json.value(0, true);
        json.skipSpaces();
        if (json.place != text.length()) {
            throw json.error("something follows the end");
        }
        return object(value, "the spec");
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> object(Object value, String name) throws ModelFileException {
        if (!(value instanceof Map)) {
            throw new ModelFileException(name + " is no table of settings");
        }
        return (Map<String, Object>) value;
    }

    private Object value(int depth, boolean isKept) throws ModelFileException {
        skipSpaces();
        if (depth > MAX_DEPTH || (isKept && ++count > MAX_VALUES)) {
            throw error("too deep or too many values");
        }
        char first = peek();
        if (first == '{') {
            return table(depth, isKept);
        }
        if (first == '[') {
            return list(depth, isKept);
        }
        if (first == '"') {
            return string(isKept);
        }
        if (first == 't') {
            return word("true", Boolean.TRUE);
        }
        if (first == 'f') {
            return word("false", Boolean.FALSE);
        }
        return first == 'n' ? word("null", null) : number();
    }

    private Map<String, Object> table(int depth, boolean isKept) throws ModelFileException {
        Map<String, Object> found = isKept ? new HashMap<String, Object>() : null;
        place++;
        skipSpaces();
        if (take('}')) {
            return found;
        }
        do {
            skipSpaces();
            String key = string(isKept);
            skipSpaces();
            expect(':');
            boolean keeps = isKept && !(depth == 0 && skipped.equals(key));
            Object value = value(depth + 1, keeps);
            if (keeps) {
                found.put(key, value);
            }
            skipSpaces();
        } while (take(','));
        expect('}');
        return found;
    }

    private List<Object> list(int depth, boolean isKept) throws ModelFileException {
        List<Object> found = isKept ? new ArrayList<Object>() : null;
        place++;
        skipSpaces();
        if (take(']')) {
            return found;
        }
        do {
            Object value = value(depth + 1, isKept);
            if (isKept) {
                found.add(value);
            }
            skipSpaces();
        } while (take(','));
        expect(']');
        return found;
    }

    private String string(boolean isKept) throws ModelFileException {
        expect('"');
        StringBuilder built = isKept ? new StringBuilder() : null;
        for (;;) {
            char next = peek();
            place++;
            if (next == '"') {
                return isKept ? built.toString() : null;
            }
            if (next < ' ') {
                throw error("a control character in a text");
            }
            char character = next == '\\' ? escaped() : next;
            if (isKept) {
                built.append(character);
            }
        }
    }

    private char escaped() throws ModelFileException {
        char kind = peek();
        place++;
        switch (kind) {
            case '"':
            case '\\':
            case '/':
                return kind;
            case 'b':
                return '\b';
            case 'f':
                return '\f';
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            case 'u':
                return unicode();
            default:
                throw error("an unknown escape");
        }
    }

    private char unicode() throws ModelFileException {
        int code = 0;
        for (int i = 0; i < 4; i++) {
            int digit = Character.digit(peek(), 16);
            if (digit < 0) {
                throw error("a wrong escape");
            }
            code = 16 * code + digit;
            place++;
        }
        return (char) code;
    }

    private Double number() throws ModelFileException {
        int start = place;
        while (place < text.length() && "+-.0123456789eE".indexOf(text.charAt(place)) >= 0) {
            place++;
        }
        if (place == start || place - start > 400) {
            throw error("no number");
        }
        try {
            double value = Double.parseDouble(text.substring(start, place));
            if (Double.isInfinite(value)) {
                throw error("a number that is too large");
            }
            return value;
        } catch (NumberFormatException problem) {
            throw error("no number");
        }
    }

    private Object word(String expected, Object value) throws ModelFileException {
        if (!text.startsWith(expected, place)) {
            throw error("an unknown word");
        }
        place += expected.length();
        return value;
    }

    private void skipSpaces() {
        while (place < text.length() && " \t\r\n".indexOf(text.charAt(place)) >= 0) {
            place++;
        }
    }

    private char peek() throws ModelFileException {
        if (place >= text.length()) {
            throw error("it ends too early");
        }
        return text.charAt(place);
    }

    private boolean take(char wanted) throws ModelFileException {
        if (peek() != wanted) {
            return false;
        }
        place++;
        return true;
    }

    private void expect(char wanted) throws ModelFileException {
        if (!take(wanted)) {
            throw error("'" + wanted + "' is missing");
        }
    }

    private ModelFileException error(String problem) {
        return new ModelFileException("the spec of the model is not JSON (" + problem + " at " + place + ")");
    }
}
