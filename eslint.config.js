// The linter of both languages. kernel/ is AssemblyScript: decorators on functions are no valid TypeScript, so the parser is
// told to let them pass, and rules that assume JavaScript's meaning of operators are off there.
import tseslint from "typescript-eslint";

const unused = ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", caughtErrors: "none" }];

export default tseslint.config(
  { ignores: ["build/**", "node_modules/**"] },
  {
    files: [
      "agent/**/*.ts",
      "boards/**/*.ts",
      "fleet/**/*.ts",
      "scripts/**/*.ts",
      "test/**/*.ts",
      "kernel/abi/**/*.ts",
    ],
    extends: [tseslint.configs.recommended],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": [
        "error",
        { checksVoidReturn: { arguments: false, attributes: false } },
      ],
      "@typescript-eslint/no-unused-vars": unused,
      "@typescript-eslint/no-non-null-assertion": "off",
      eqeqeq: ["error", "always"],
      "no-constant-condition": ["error", { checkLoops: false }],
      "prefer-const": "error",
    },
  },
  { files: ["kernel/abi/**/*.ts"], rules: { "@typescript-eslint/no-unused-vars": "off" } },
  {
    files: ["**/*.mjs", "*.js"],
    rules: { "no-unused-vars": unused, eqeqeq: ["error", "always"], "prefer-const": "error" },
  },
  {
    files: ["kernel/**/*.ts"],
    ignores: ["kernel/abi/**"],
    plugins: { "@typescript-eslint": tseslint.plugin },
    languageOptions: { parser: tseslint.parser, parserOptions: { allowInvalidAST: true } },
    linterOptions: { reportUnusedDisableDirectives: "off" },
    rules: {
      "no-unused-vars": "off",
      "@typescript-eslint/no-unused-vars": unused,
      "no-dupe-else-if": "error",
      "no-duplicate-case": "error",
      "no-unreachable": "error",
      "no-self-assign": "error",
      "no-self-compare": "error",
      "no-fallthrough": "error",
      "no-var": "error",
    },
  },
);
