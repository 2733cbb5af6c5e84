/** Crockford's base 32 in lower case, in which ids are written. */
export const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';

/** The value of each digit by its character code; above 31 for all other characters. */
export const DIGIT_VALUES = new Uint8Array(128).fill(255);
for (let value = 0; value < DIGITS.length; value++) DIGIT_VALUES[DIGITS.charCodeAt(value)] = value;
