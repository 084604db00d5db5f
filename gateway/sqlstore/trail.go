package sqlstore

// trail implements audit.Trail.
type trail struct {
	*database
}
