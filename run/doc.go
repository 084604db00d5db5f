// Package run knows the run: the complete unit of an agent's work, which model
// calls are grouped into and held to limits by. It has the [Agent] whose work it
// is, the [Directives] by which a call says where it belongs, the [Recorder],
// which attaches calls to runs and keeps their steps, and the [Journal], which a
// back end implements.
package run
