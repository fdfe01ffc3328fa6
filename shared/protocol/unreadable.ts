/** A stored value is damaged, gone, or of a form that this version does not know. The message says what, without quoting it. */
export class Unreadable extends Error {}
