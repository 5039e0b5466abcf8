import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/extension/**/*.test.ts"],
    root: new URL("..", import.meta.url).pathname,
    restoreMocks: true,
  },
});
