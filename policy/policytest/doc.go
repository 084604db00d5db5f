// Package policytest checks what a policy engine decides against cases that say
// what it should, so that a policy can be tested like code.
package policytest
