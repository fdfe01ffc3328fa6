#!/usr/bin/env node
console.error("sirocco: no commands yet");
process.exitCode = 2;
