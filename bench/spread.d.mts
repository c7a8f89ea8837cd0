export const widestSpread: number;
export const mostRuns: number;
export function halfSpread(values: readonly number[]): number;
export function tooWide(found: object): string[];
export function measureCalmly<Found>(
  measure: () => Promise<Found>,
  valuesOf: (found: Found) => object,
  say: (text: string) => void,
): Promise<Found>;
