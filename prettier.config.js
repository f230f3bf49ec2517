// One style for both languages. The plugin lets prettier read AssemblyScript (decorators on functions).
export default {
  printWidth: 120,
  overrides: [{ files: "kernel/**/*.ts", options: { plugins: ["assemblyscript-prettier"] } }],
};
