// Package chatapi is a client of ConnectyCube's chat API for administration:
// Dialogs List, Messages List and Dialog Update.
//
// It publishes nothing by itself: an [Observer] sees every request. What a
// reply does not prove is an error, never a zero: see [Client.Dialogs] for
// what is checked of each page, and [Walk] for what is checked of a walk.
package chatapi
