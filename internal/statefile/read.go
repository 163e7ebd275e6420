package statefile

// Read gives the payload of a file that another process may be using, or nil if
// there is none. Since a Write replaces the file as a whole, it is one that was
// written. Errors are those of Open and of File.Read.
func Read(path string) ([]byte, error) {
	path, err := resolve(path)
	if err != nil {
		return nil, err
	}
	return (&File{path: path}).Read()
}
