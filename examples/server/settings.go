package main

import (
	"cmp"
	"context"
	"reflect"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/admin"
	"github.com/rungate/rungate/gateway/audit"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// Settings are a configuration that has been read with all its files and
// checked.
type settings struct {
	document
	policies  []policy.Policy
	agents    []run.Enrolment
	operators []admin.Enrolment
	prices    *budget.Prices
	trail     audit.Trail                // nil if there is none, or it is not opened
	keys      map[string]provider.Secret // by the provider's name; local ones may have none
}

// config is what of the settings the gateway is made with. Keys are asked for
// with each call.
func (s *settings) config(keys *keyring) gateway.Config {
	cfg := gateway.Config{
		Aliases:      s.Aliases,
		Failover:     s.Failover,
		Translation:  s.Translation,
		Prices:       s.prices,
		Trail:        s.trail,
		RunIDHeaders: s.RunIDHeaders,
		Limits: gateway.Limits{
			BodyBytes:         s.Limits.BodyBytes,
			EventBytes:        int(s.Limits.AnswerBytes),
			AnswerBytes:       s.Limits.AnswerBytes,
			FirstByteTimeout:  s.Limits.FirstByteTimeout,
			StreamIdleTimeout: s.Limits.StreamIdleTimeout,
			ApprovalWait:      s.Limits.ApprovalWait,
			StoreTimeout:      s.Limits.StoreTimeout,
			Lease:             s.Limits.Lease,
		},
	}
	if s.Metering.StreamUsage == "estimate" {
		cfg.Metering.StreamUsage = gateway.EstimateUsage
	}
	if s.Metering.OnDisconnect == "drain" {
		cfg.Metering.OnDisconnect = gateway.DrainUpstream
	}
	for _, p := range s.Providers {
		var key func(context.Context) (provider.Secret, error)
		if s.keys[p.Name] != "" {
			key = keys.of(p.Name)
		}
		if p.Dialect == "anthropic" {
			cfg.Providers = append(cfg.Providers, &anthropic.Provider{ID: p.Name, URL: p.BaseURL, Key: key, Header: p.Header, Serves: p.Models})
		} else {
			cfg.Providers = append(cfg.Providers, &openai.Provider{ID: p.Name, URL: p.BaseURL, Key: key, Header: p.Header, Serves: p.Models})
		}
	}
	return cfg
}

// restarts names what differs between s and next and cannot be changed while
// the server runs.
func (s *settings) restarts(next *settings) []string {
	var names []string
	for _, f := range []struct {
		name     string
		old, new any
	}{
		{"listen", s.Listen, next.Listen},
		{"admin", s.adminListen(), next.adminListen()},
		{"providers", s.fixedProviders(), next.fixedProviders()},
		{"aliases", s.Aliases, next.Aliases},
		{"failover", s.Failover, next.Failover},
		{"translation", s.Translation, next.Translation},
		{"webhooks", s.webhookURLs(), next.webhookURLs()},
		{"slack", s.Slack, next.Slack},
		{"limits", s.Limits, next.Limits},
		{"metering", s.Metering, next.Metering},
		{"run_id_headers", s.RunIDHeaders, next.RunIDHeaders},
		{"retention", s.Retention, next.Retention},
		{"store", s.Store, next.Store},
		{"audit", s.Audit, next.Audit},
	} {
		if !reflect.DeepEqual(f.old, f.new) {
			names = append(names, f.name)
		}
	}
	return names
}

// fixedProviders are the providers without what may change: their keys, except
// whether there is one, and their prices.
func (s *settings) fixedProviders() []providerDoc {
	fixed := make([]providerDoc, len(s.Providers))
	for i, p := range s.Providers {
		p.Prices = nil
		if p.APIKey != "" {
			p.APIKey = "some"
		}
		fixed[i] = p
	}
	return fixed
}

// adminListen is where operators are served; empty if they are not.
func (s *settings) adminListen() string {
	if s.Admin == nil {
		return ""
	}
	return cmp.Or(s.Admin.Listen, defaultAdminListen)
}

func (s *settings) webhookURLs() (all []string) {
	for i := range s.Webhooks {
		all = append(all, s.Webhooks[i].URL)
	}
	return all
}
