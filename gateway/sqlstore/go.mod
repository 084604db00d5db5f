module github.com/rungate/rungate/gateway/sqlstore

go 1.26

require (
	github.com/rungate/rungate v0.0.0
	github.com/stretchr/testify v1.11.1
)

replace github.com/rungate/rungate => ../..
