// The receiver's half of udpcam/1. Sealed streams need ./seal.js too.
export { Assembler } from "./assembler.js";
export { Subscriber } from "./subscriber.js";
