// The `pocketvisor` command.

console.log("pocketvisor");
