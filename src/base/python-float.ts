/**
 * A number that Python holds as a float, so that it keeps its point when it is whole: `20.0`. A plain number without
 * fraction is an int. It spells itself as Python's `repr`.
 */
export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }

  toString(): string {
    const { value } = this;
    if (Number.isNaN(value)) return 'nan';
    if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
    if (Object.is(value, -0)) return '-0.0';
    const [digits = '', exponent = '0'] = value.toExponential().split('e');
    const power = Number(exponent);
    if (power < -4 || power >= 16) {
      return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
    }
    const plain = power < 0 ? value.toFixed(digits.replace(/[-.]/g, '').length - 1 - power) : String(value);
    return plain.includes('.') ? plain : `${plain}.0`;
  }
}
