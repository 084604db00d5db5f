// Package policy decides which calls may be made. The gateway asks an [Engine];
// [Set] is the one for declarative documents ([Policy]), and [EngineFunc] makes
// one of a function. A [Chain] asks several, and a [Shadow] tries one out. A [Router]
// says besides what serves a call when the model that it asks for does not.
package policy
