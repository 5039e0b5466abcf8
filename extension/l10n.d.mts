export function messages(root: string): string[];
export function bundle(root: string): string;
