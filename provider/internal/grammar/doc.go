// Package grammar says whether the streams of the model APIs are in order, for the
// tests of what makes or changes them. It goes by what the vendors document and by
// what their own streams are like, and knows nothing of the code that it checks.
package grammar
