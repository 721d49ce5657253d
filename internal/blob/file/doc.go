// Package file keeps object bytes in files of a directory: one file for each
// reference, spread over 256 folders. It is the embedded engine of package
// blob; package object uses it through that contract only.
//
// # Directory
//
//	<dir>/format            the layout's version; written last, so that its
//	                        presence says that all folders are durable
//	<dir>/00 … <dir>/ff     made at the first opening, never removed
//	<dir>/2a/7-12a          contents with reference 7-12a
//
// A reference is the incarnation of the process that wrote it and a counter,
// both in hexadecimal; the folder is the counter's low byte. No two openings of
// a store share an incarnation, so a reference is never used twice, also not
// after a crash.
//
// # File
//
// All numbers are big endian. C is CRC32C (Castagnoli).
//
//	header   0  +----------------------------------+
//	            | magic "CRLNBLOB"               8 |
//	         8  | version                        4 |
//	        12  | block size (65,536)            4 |
//	        16  | incarnation                    8 |
//	        24  | counter                        8 |
//	        32  | C of the 32 bytes above        4 |
//	blocks  36  +----------------------------------+
//	            | data                      65,536 |
//	            | C of incarnation, counter,     4 |
//	            |   block number and data          |
//	            +----------------------------------+
//	            | … the last block is as short as  |
//	            |   the contents need; empty       |
//	            |   contents have no block         |
//	trailer     +----------------------------------+
//	            | magic "CRLNTAIL"               8 |
//	         8  | content bytes                  8 |
//	        16  | incarnation                    8 |
//	        24  | counter                        8 |
//	        32  | C of the 32 bytes above        4 |
//	            +----------------------------------+
//
// The checksum of a block covers the reference and the block's number, so that
// a block which the disk returns in another one's place is caught too. The
// length in the trailer must agree with the file's, so that truncation is
// caught before the first byte is returned. A reader verifies the trailer when
// it opens, and every block (the first together with the header) before it
// returns a byte of it; a range reads no other block than those it touches.
//
// # Durability
//
// Commit writes, syncs the file, closes it and syncs its folder before it
// returns the reference. The file has its final name from the start: nothing
// refers to it until the metadata store says so. Delete does not sync the
// folder, because a removal that a crash undoes brings back unreferenced bytes
// and nothing else. A sync that failed is never tried again, since the kernel
// may have dropped the pages and would report success: the writer answers
// blob.ErrUnsure, and its reference stays unused for ever.
package file
