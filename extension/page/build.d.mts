import type { BuildOptions } from "esbuild";

export const page: BuildOptions;
export const copied: readonly (readonly [from: string, to: string])[];
