/** The sandbox, for tests that start a stack of their own. Nothing of the product may import it. */
export { type Component, components, Stack, type StackOptions } from "./stack/stack.ts";
export type { StackDescription } from "./stack/stack-file.ts";
export { type Chapter, storyLength, type TellOptions, tellStory } from "./story/tell.ts";
