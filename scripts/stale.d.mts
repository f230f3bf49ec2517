export const root: string;
export const PRODUCTS: Record<string, string[]>;
export const NEEDED: string[];
export function isStale(product: string): boolean;
