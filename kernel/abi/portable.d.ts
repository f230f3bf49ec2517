// What lets TypeScript read the abi files, which are AssemblyScript too.
declare type u32 = number;
