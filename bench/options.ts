/** Numbers from the command line. */

/** The number that `text` stands for. @throws RangeError naming the option where it does not fit. */
export function numberOption(name: string, text: string, fits: (value: number) => boolean): number {
  const value = Number(text);
  if (!fits(value)) throw new RangeError(`--${name}: '${text}' is not possible`);
  return value;
}

export const positive = (value: number): boolean => value > 0;
export const notNegative = (value: number): boolean => value >= 0;
export const count = (value: number): boolean => Number.isSafeInteger(value) && value > 0;
export const countOrNone = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
