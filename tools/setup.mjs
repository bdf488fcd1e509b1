// Makes a fresh machine able to run the project: a Node that runs TypeScript and nodejs-polars, the npm packages, and,
// only where no GPU adapter is found, a software Vulkan driver. Runs on the Node that is there (>= 18), prints what it installs.
